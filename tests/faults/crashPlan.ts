import { type Client, logEntry, newEntry, openClient } from './crashClient.ts'
import { Journal } from './crashJournal.ts'
import { judge } from './crashJudge.ts'
import { Load } from './crashLoad.ts'
import { type Lane, type Order, Site } from './crashSite.ts'
import { doOneOfEach, kill, live, renewRoot, type Stage, type Strike, untilJobsRan } from './crashStrike.ts'

/** Enough for one full tile, whose partial tiles the next start clears away. */
const filledEntries = 270
const filledTogether = 30

/** Kills that leave a start the most to repair, worst first. What a start repairs of one, it is killed at. */
const wounds: readonly Order[] = [
  { point: 'log.commit:after', passing: 3 },
  { point: 'trust.certificate-intent:after', passing: 1 },
  { point: 'account.audit-intent:after', passing: 2 },
  { point: 'log.discard:before', passing: 2 },
]

type Passings = ReadonlyMap<string, number>

/** Watches an instance being created, and plans to kill it at each crash point of that. */
export async function planCreation(lane: Lane): Promise<Strike[]> {
  const site = Site.fresh(lane, 'created')
  const passed = await watch(site, async (client) => {
    await untilJobsRan(client)
    const created = site.passings()
    await doOneOfEach(client)
    return created
  })
  await mustBeFaultless(site)
  return strikes('creation', undefined, passed)
}

/** What the plan of a life begins with. */
export interface LifePlan {
  readonly strikes: Strike[]
  /** An instance with a full tile in the artifact log, ended properly and judged. */
  readonly whole: Site
}

/** Watches an instance start, work, end and renew its root, and plans to kill it at each crash point of these. */
export async function planLife(lane: Lane): Promise<LifePlan> {
  const whole = Site.fresh(lane, 'whole')
  await live(whole, fill)
  await mustBeFaultless(whole)
  const { working, ending } = await watchWork(await whole.copyTo('run'))
  const renewing = await watchRenewal(await whole.copyTo('run'))
  return {
    whole,
    strikes: [
      ...(await planStarts(whole)),
      ...strikes('load', whole, working),
      ...strikes('stop', whole, ending),
      ...strikes('root', whole, renewing),
    ],
  }
}

/** Fills last: among what else is done once is the job that clears partial tiles away. */
async function fill(client: Client): Promise<void> {
  await doOneOfEach(client)
  for (let done = 0; done < filledEntries; done += filledTogether) {
    await Promise.all(Array.from({ length: filledTogether }, () => logEntry(client, newEntry())))
  }
}

/** Each point of any start is struck in the first start that passes it: of the wounded ones, then of the whole one. */
async function planStarts(whole: Site): Promise<Strike[]> {
  const planned: Strike[] = []
  for (const [at, wound] of [...wounds, undefined].entries()) {
    const from = wound === undefined ? whole : await wounded(whole, wound, `wounded-${at}`)
    const site = await from.copyTo('run')
    site.forgetPassings()
    const passed = await watch(site, async (client) => {
      await untilJobsRan(client)
      return site.passings()
    })
    const known = new Set(planned.map(({ order }) => order.point))
    planned.push(...strikes('start', from, passed).filter(({ order }) => !known.has(order.point)))
  }
  return planned
}

async function wounded(whole: Site, wound: Order, name: string): Promise<Site> {
  const site = await whole.copyTo(name)
  await kill(site, 'load', wound)
  return site
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
    const working = site.passings()
    site.forgetPassings()
    load.expectEnd()
    await instance.stop()
    await load.stop()
    return { working, ending: site.passings() }
  } finally {
    await instance.kill()
    journal.close()
  }
}

async function watchRenewal(site: Site): Promise<Passings> {
  return watch(site, async () => {
    await renewRoot(site)
    return site.passings('command')
  })
}

async function watch(site: Site, work: (client: Client) => Promise<Passings>): Promise<Passings> {
  let passed: Passings = new Map()
  await live(site, async (client) => {
    passed = await work(client)
  })
  return passed
}

async function mustBeFaultless(site: Site): Promise<void> {
  const faults = await judge(site)
  if (faults.length === 0) return
  throw new Error(`without any crash:\n${faults.map(({ message }) => message).join('\n')}`)
}

function strikes(stage: Stage, from: Site | undefined, passed: Passings): Strike[] {
  return [...passed].map(([point, count]) => ({ stage, from, order: { point, passing: middleOf(stage, count) } }))
}

/** In the middle of a sequence that is always the same; under load early enough to be reached soon. */
function middleOf(stage: Stage, count: number): number {
  const middle = Math.ceil(count / 2)
  return stage === 'load' ? Math.min(middle, 4) : stage === 'stop' ? 1 : middle
}
