import { openClient, stampSomething } from './crashClient.ts'
import { Journal } from './crashJournal.ts'
import { Load } from './crashLoad.ts'
import type { Lane, Site } from './crashSite.ts'
import { type Blow, doOneOfEach, live, renewRoot, type Stage, untilJobsRan } from './crashStrike.ts'
import { copyOf, mustBeFaultless, startable, type TemplateName } from './crashTemplates.ts'

/** One kill, and what it begins with. */
export interface Strike extends Blow {
  readonly from: TemplateName
}

/** How often each crash point was passed. */
type Passings = ReadonlyMap<string, number>

/** Watches an instance being created, and plans to kill it at each crash point of that. */
export async function planCreation(lane: Lane): Promise<Strike[]> {
  const site = await copyOf(lane, 'nothing', 'run')
  let passed: Passings = new Map()
  await live(site, async (client) => {
    passed = site.passings()
    await doOneOfEach(client)
  })
  await mustBeFaultless(site)
  return strikes('creation', 'nothing', passed)
}

/** Watches an instance start, work, end and renew its root, and plans to kill it at each crash point of these. */
export async function planLife(lane: Lane): Promise<Strike[]> {
  const { working, ending } = await watchWork(await copyOf(lane, 'whole', 'run'))
  const renewing = await watchRenewal(await copyOf(lane, 'whole', 'run'))
  return [
    ...strikes('load', 'whole', working),
    ...strikes('stop', 'whole', ending),
    ...strikes('root', 'whole', renewing),
    ...(await planStarts(lane)),
  ]
}

/** Each point of any start is struck in the first of these starts that passes it. */
async function planStarts(lane: Lane): Promise<Strike[]> {
  const planned: Strike[] = []
  for (const template of startable) {
    const passed = await watchStart(await copyOf(lane, template, 'run'))
    const known = new Set(planned.map(({ order }) => order.point))
    planned.push(...strikes('start', template, passed).filter(({ order }) => !known.has(order.point)))
  }
  return planned
}

async function watchStart(site: Site): Promise<Passings> {
  site.forgetPassings()
  let passed: Passings = new Map()
  await live(site, async (client) => {
    await untilJobsRan(client)
    passed = site.passings()
  })
  return passed
}

async function watchWork(site: Site): Promise<{ working: Passings; ending: Passings }> {
  const journal = new Journal(site.journalFile)
  const instance = await site.start()
  try {
    const client = await openClient(site, instance, journal)
    await untilJobsRan(client)
    site.forgetPassings()
    const load = new Load(client, instance)
    await load.until(
      ({ people, administrations, certificates }) => people >= 2 && administrations >= 2 && certificates >= 3,
    )
    await load.stop()
    const working = site.passings()
    // Something that is still to be written down when the server ends.
    await stampSomething(client)
    site.forgetPassings()
    await instance.stop()
    return { working, ending: site.passings() }
  } finally {
    await instance.kill()
    journal.close()
  }
}

async function watchRenewal(site: Site): Promise<Passings> {
  await live(site, () => renewRoot(site))
  return site.passings('command')
}

function strikes(stage: Stage, from: TemplateName, passed: Passings): Strike[] {
  return [...passed].map(([point, count]) => ({ stage, from, order: { point, passing: passingOf(stage, count) } }))
}

/** In the middle of a sequence that is always the same; under load early, and at the end at once, to be there for sure. */
function passingOf(stage: Stage, count: number): number {
  const middle = Math.ceil(count / 2)
  return stage === 'load' ? Math.min(middle, 4) : stage === 'stop' ? 1 : middle
}

/**
 * Leaves out of the creation what shows nothing more: nobody was told anything before it is complete, so right after one write
 * is the same as right before the next. What other stages strike on both sides is struck there only before.
 */
export function withoutRepetitions(creation: readonly Strike[], life: readonly Strike[]): Strike[] {
  const inLife = new Set(life.map(({ order }) => order.point))
  return creation.filter(({ order }) => order.point.endsWith(':before') || !inLife.has(order.point))
}
