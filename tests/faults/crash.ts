/**
 * `npm run test:crash`: kills the server at every crash point, during creation, start, work, end and root renewal, restarts
 * it, and judges it by what its client was told. Arguments choose strikes whose stage and point contain them all.
 * Ends with "crash points N, passed N, duplicates 0, lost 0", and status 1 unless it is so.
 */
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { installJudges, type Judges } from '../interop/installJudges.ts'
import { inTemporaryFolder } from '../support/temporaryFolder.ts'
import { fsckAll } from './crashFsck.ts'
import type { Fault } from './crashJudge.ts'
import { planCreation, planLife, type Strike, withoutRepetitions } from './crashPlan.ts'
import { excusedPoints, serverPoints, unaccounted } from './crashPoints.ts'
import { proveJudge } from './crashSelfcheck.ts'
import { type Lane, newLane } from './crashSite.ts'
import { stages, strike } from './crashStrike.ts'
import { copyOf } from './crashTemplates.ts'

/** What became of one strike. */
interface Verdict {
  readonly strike: Strike
  readonly faults: readonly Fault[]
}

const chosen = process.argv.slice(2)
/** One more than processors, because a server that starts often waits for the disk. */
const laneCount = Math.min(4, Math.max(2, availableParallelism() + 1))

async function run(root: string): Promise<boolean> {
  const judges = await installJudges()
  const lanes = await Promise.all(Array.from({ length: laneCount }, (_, at) => newLane(root, String(at))))
  const [first, last] = [lanes[0], lanes.at(-1)]
  if (first === undefined || last === undefined) throw new TypeError('there are at least two lanes')
  console.log('Watching an instance being created, starting, working, ending …')
  const [creation, life] = await Promise.all([planCreation(first), planLife(last)])
  const planned = [...withoutRepetitions(creation, life), ...life]
  const gaps = reportCoverage(planned)
  const unnoticed = await proveJudge(await copyOf(last, 'whole', 'checked'))
  const verdicts = await strikeAll(lanes, planned.filter(isChosen), judges)
  return summary(verdicts) && gaps === 0 && unnoticed === 0
}

function isChosen({ stage, order }: Strike): boolean {
  return chosen.every((word) => `${stage} ${order.point}`.includes(word))
}

/** Compares the plan with the sources. Returns how many points it forgets, or wrongly excuses. */
function reportCoverage(planned: readonly Strike[]): number {
  const struck = new Set(planned.map(({ order }) => order.point.replace(/:(?:before|after)$/, '')))
  const gaps = unaccounted(serverPoints(), struck)
  const counts = stages.map((stage) => `${stage} ${planned.filter((one) => one.stage === stage).length}`)
  console.log(`${struck.size} points are passed, in ${counts.join(', ')} places`)
  for (const [point, why] of Object.entries(excusedPoints)) console.log(`  not passed: ${point}, because ${why}`)
  for (const gap of gaps) console.log(`NOT COVERED: ${gap}`)
  return gaps.length
}

/** All lanes at once, each one strike after the other: the last lane from the end, for which it has the templates already. */
async function strikeAll(lanes: readonly Lane[], planned: readonly Strike[], judges: Judges): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  const waiting = [...planned]
  const work = async (lane: Lane) => {
    const next = () => (lane === lanes.at(-1) ? waiting.pop() : waiting.shift())
    for (let one = next(); one !== undefined; one = next()) {
      const start = performance.now()
      const verdict = { strike: one, faults: await faultsAfter(lane, one, judges) }
      verdicts.push(verdict)
      report(verdict, `${verdicts.length}/${planned.length}`, performance.now() - start)
    }
  }
  await Promise.all(lanes.map(work))
  return verdicts
}

async function faultsAfter(lane: Lane, { from, ...blow }: Strike, judges: Judges): Promise<Fault[]> {
  const site = await copyOf(lane, from, 'run')
  try {
    return await strike(site, blow, (client) => fsckAll(judges, client, path.join(site.folder, 'fsck')))
  } catch (error) {
    return [{ kind: 'broken', message: error instanceof Error ? error.message : String(error) }]
  }
}

function report({ strike: { stage, order }, faults }: Verdict, count: string, ms: number): void {
  const where = `${stage.padEnd(8)} ${order.point} (passing ${order.passing})`
  const result = faults.length === 0 ? 'ok' : 'FAILED'
  console.log(`${count.padStart(7)} ${where.padEnd(56)} ${(ms / 1000).toFixed(1).padStart(5)} s  ${result}`)
  for (const { kind, message } of faults) console.log(`      ${kind}: ${message}`)
}

function summary(verdicts: readonly Verdict[]): boolean {
  const faults = verdicts.flatMap((verdict) => verdict.faults)
  const passed = verdicts.filter((verdict) => verdict.faults.length === 0).length
  const count = (kind: Fault['kind']) => faults.filter((fault) => fault.kind === kind).length
  const [duplicates, lost] = [count('duplicate'), count('lost')]
  console.log(`crash points ${verdicts.length}, passed ${passed}, duplicates ${duplicates}, lost ${lost}`)
  return verdicts.length > 0 && passed === verdicts.length
}

const isGood = await inTemporaryFolder('countersign-crash-', run)
process.exitCode = isGood ? 0 : 1
