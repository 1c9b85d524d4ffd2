/**
 * `npm run test:crash`: kills the server at every crash point, during creation, start, work, end and root renewal, and server,
 * validator and agent at every crash point along the journey from submission to recall; restarts them, and judges them by what
 * their client was told. Arguments choose strikes whose stage and point contain them all.
 * Ends with "crash points N, passed N, duplicates 0, lost 0", and status 1 unless it is so.
 */
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { installJudges, type Judges } from '../interop/installJudges.ts'
import { inTemporaryFolder } from '../support/temporaryFolder.ts'
import { blowsOf, type Chain, nameOf, planChains, strikeChain, watchJourney } from './crashChains.ts'
import type { Client } from './crashClient.ts'
import type { Fault } from './crashFault.ts'
import { fsckAll } from './crashFsck.ts'
import { planCreation, planLife, type Strike, withoutRepetitions } from './crashPlan.ts'
import { excusedPoints, programPoints, unaccounted } from './crashPoints.ts'
import { proveJudge } from './crashSelfcheck.ts'
import { type Lane, newLane, type Order, type Site } from './crashSite.ts'
import { stages, strike } from './crashStrike.ts'
import { copyOf } from './crashTemplates.ts'

/** What one life is spent on: a strike, or a chain of them. */
interface Job {
  /** Where it strikes, one line each. */
  readonly places: readonly string[]
  carryOut(lane: Lane): Promise<Fault[]>
}

/** What became of one job. */
interface Verdict {
  readonly job: Job
  readonly faults: readonly Fault[]
}

const chosen = process.argv.slice(2)
/** One more than processors, because a server that starts often waits for the disk. */
const laneCount = Math.min(4, Math.max(3, availableParallelism() + 1))

async function run(root: string): Promise<boolean> {
  const judges = await installJudges()
  const lanes = await Promise.all(Array.from({ length: laneCount }, (_, at) => newLane(root, String(at))))
  const [first, second] = lanes
  const last = lanes.at(-1)
  if (first === undefined || second === undefined || last === undefined) throw new TypeError('there are three lanes')
  console.log(
    'Watching an instance being created, starting, working, ending, and a journey from submission to recall …',
  )
  const [creation, journey, life] = await Promise.all([planCreation(first), watchJourney(second), planLife(last)])
  const planned = [...withoutRepetitions(creation, life), ...life]
  const chains = planChains(journey, new Set(planned.map(({ order }) => nameOf(order.point))))
  const gaps = reportCoverage(planned, chains)
  const unnoticed = await proveJudge(
    await copyOf(last, 'whole', 'checked'),
    await copyOf(second, 'travelling', 'checked'),
  )
  const strikes = planned.filter(({ stage, order }) => isChosen(stage, order)).map((one) => strikeJob(one, judges))
  const verdicts = await carryOutAll(lanes, [...chains.flatMap((chain) => chainJob(chain, judges)), ...strikes])
  return summary(verdicts) && gaps === 0 && unnoticed === 0
}

function isChosen(stage: string, { point }: Order): boolean {
  return chosen.every((word) => `${stage} ${point}`.includes(word))
}

function strikeJob({ from, ...blow }: Strike, judges: Judges): Job {
  return {
    places: [`${blow.stage.padEnd(10)} ${blow.order.point} (passing ${blow.order.passing})`],
    async carryOut(lane) {
      const site = await copyOf(lane, from, 'run')
      return strike(site, blow, (client) => fsckAll(judges, client, path.join(site.folder, 'fsck')))
    },
  }
}

/** Of a chain only what was chosen; nothing where nothing was. */
function chainJob({ stage, orders }: Chain, judges: Judges): Job[] {
  const kept = Object.entries(orders).map(
    ([role, given]) => [role, given.filter((one) => isChosen(stage, one))] as const,
  )
  const chain: Chain = { stage, orders: Object.fromEntries(kept.filter(([, given]) => given.length > 0)) }
  const places = blowsOf(chain).map(
    ({ role, order }) => `${stage.padEnd(10)} ${role}: ${order.point} (passing ${order.passing})`,
  )
  if (places.length === 0) return []
  const inspect = (site: Site, client: Client) => fsckAll(judges, client, path.join(site.folder, 'fsck'))
  return [{ places, carryOut: (lane) => strikeChain(lane, chain, inspect) }]
}

/** Compares the plan with the sources. Returns how many points it forgets, or wrongly excuses. */
function reportCoverage(planned: readonly Strike[], chains: readonly Chain[]): number {
  const blows = chains.flatMap(blowsOf)
  const struck = new Set([...planned, ...blows].map(({ order }) => nameOf(order.point)))
  const gaps = unaccounted(programPoints(), struck)
  const counts = stages.map((stage) => `${stage} ${planned.filter((one) => one.stage === stage).length}`)
  console.log(`${struck.size} points are passed, in ${[...counts, `journey ${blows.length}`].join(', ')} places`)
  for (const [point, why] of Object.entries(excusedPoints)) console.log(`  not passed: ${point}, because ${why}`)
  for (const gap of gaps) console.log(`NOT COVERED: ${gap}`)
  return gaps.length
}

/** All lanes at once, each one job after the other, the long ones first: the last lane from the end, for which it has the templates already. */
async function carryOutAll(lanes: readonly Lane[], jobs: readonly Job[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  const waiting = [...jobs]
  const work = async (lane: Lane) => {
    const next = () => (lane === lanes.at(-1) ? waiting.pop() : waiting.shift())
    for (let job = next(); job !== undefined; job = next()) {
      const start = performance.now()
      const verdict = { job, faults: await faultsAfter(lane, job) }
      verdicts.push(verdict)
      report(verdict, `${verdicts.length}/${jobs.length}`, performance.now() - start)
    }
  }
  await Promise.all(lanes.map(work))
  return verdicts
}

async function faultsAfter(lane: Lane, job: Job): Promise<Fault[]> {
  try {
    return await job.carryOut(lane)
  } catch (error) {
    return [{ kind: 'broken', message: error instanceof Error ? error.message : String(error) }]
  }
}

function report({ job: { places }, faults }: Verdict, count: string, ms: number): void {
  const result = faults.length === 0 ? 'ok' : 'FAILED'
  const [first = '', ...others] = places
  console.log(`${count.padStart(7)} ${first.padEnd(62)} ${(ms / 1000).toFixed(1).padStart(5)} s  ${result}`)
  for (const place of others) console.log(`        ${place}`)
  for (const { kind, message } of faults) console.log(`      ${kind}: ${message}`)
}

/** The places of one life pass together or not at all. */
function summary(verdicts: readonly Verdict[]): boolean {
  const faults = verdicts.flatMap((verdict) => verdict.faults)
  const places = (of: readonly Verdict[]) => of.reduce((sum, { job }) => sum + job.places.length, 0)
  const [all, passed] = [places(verdicts), places(verdicts.filter((verdict) => verdict.faults.length === 0))]
  const count = (kind: Fault['kind']) => faults.filter((fault) => fault.kind === kind).length
  const [duplicates, lost] = [count('duplicate'), count('lost')]
  console.log(`crash points ${all}, passed ${passed}, duplicates ${duplicates}, lost ${lost}`)
  return all > 0 && passed === all
}

const isGood = await inTemporaryFolder('countersign-crash-', run)
process.exitCode = isGood ? 0 : 1
