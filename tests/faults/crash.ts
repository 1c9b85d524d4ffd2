/**
 * `npm run test:crash`: kills the server at every crash point, during creation, start, work, end and root renewal, restarts
 * it, and judges it by what its client was told. Arguments choose strikes whose stage and point contain them all.
 * Ends with "crash points N, passed N, duplicates 0, lost 0", and status 1 unless it is so.
 */
import path from 'node:path'
import { installJudges, type Judges } from '../interop/installJudges.ts'
import { inTemporaryFolder } from '../support/temporaryFolder.ts'
import { fsckAll } from './crashFsck.ts'
import type { Fault } from './crashJudge.ts'
import { planCreation, planLife } from './crashPlan.ts'
import { excusedPoints, serverPoints, unaccounted } from './crashPoints.ts'
import { proveJudge } from './crashSelfcheck.ts'
import { type Lane, newLane, Site } from './crashSite.ts'
import { type Stage, type Strike, stages, strike } from './crashStrike.ts'

/** What became of one strike. */
interface Verdict {
  readonly strike: Strike
  readonly faults: readonly Fault[]
}

const chosen = process.argv.slice(2)

async function run(root: string): Promise<boolean> {
  console.log('Watching an instance being created, starting, working, ending …')
  const creationLane = await newLane(root, 'a')
  const lifeLane = await newLane(root, 'b')
  const [creation, life] = await Promise.all([planCreation(creationLane), planLife(lifeLane)])
  const all = [...creation, ...life.strikes]
  const gaps = unaccounted(
    serverPoints(),
    new Set(all.map(({ order }) => order.point.replace(/:(?:before|after)$/, ''))),
  )
  for (const gap of gaps) console.log(`NOT COVERED: ${gap}`)
  for (const [point, why] of Object.entries(excusedPoints)) console.log(`not struck: ${point} (${why})`)

  const unnoticed = await proveJudge(lifeLane, life.whole)
  for (const defect of unnoticed) console.log(`THE JUDGE DID NOT NOTICE: ${defect}`)

  const planned = all.filter(isChosen)
  console.log(`${planned.length} strikes: ${stages.map((stage) => `${stage} ${countOf(planned, stage)}`).join(', ')}`)
  const say = progressOf(planned.length)
  const judges = await installJudges()
  const verdicts = await Promise.all([
    strikeAll(creationLane, creation.filter(isChosen), { judges, say }),
    strikeAll(lifeLane, life.strikes.filter(isChosen), { judges, say }),
  ])
  return summary(verdicts.flat()) && gaps.length === 0 && unnoticed.length === 0
}

function isChosen({ stage, order }: Strike): boolean {
  return chosen.every((word) => `${stage} ${order.point}`.includes(word))
}

function countOf(strikes: readonly Strike[], stage: Stage): number {
  return strikes.filter((strike) => strike.stage === stage).length
}

interface Means {
  readonly judges: Judges
  say(verdict: Verdict, ms: number): void
}

/** One after the other, because all sites of a lane have the same addresses. */
async function strikeAll(lane: Lane, planned: readonly Strike[], { judges, say }: Means): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  for (const one of planned) {
    const start = performance.now()
    const verdict = { strike: one, faults: await faultsAfter(lane, one, judges) }
    verdicts.push(verdict)
    say(verdict, performance.now() - start)
  }
  return verdicts
}

async function faultsAfter(lane: Lane, { from, ...order }: Strike, judges: Judges): Promise<Fault[]> {
  const site = from === undefined ? Site.fresh(lane, 'run') : await from.copyTo('run')
  try {
    return await strike(site, order, (client) => fsckAll(judges, client, path.join(site.folder, 'fsck')))
  } catch (error) {
    return [{ kind: 'broken', message: error instanceof Error ? error.message : String(error) }]
  }
}

function progressOf(total: number): (verdict: Verdict, ms: number) => void {
  let count = 0
  return ({ strike: { stage, order }, faults }, ms) => {
    count += 1
    const where = `${stage.padEnd(8)} ${order.point} (passing ${order.passing})`
    const result = faults.length === 0 ? 'ok' : 'FAILED'
    console.log(`${String(count).padStart(3)}/${total} ${where.padEnd(56)} ${(ms / 1000).toFixed(1)} s  ${result}`)
    for (const { kind, message } of faults) console.log(`      ${kind}: ${message}`)
  }
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
