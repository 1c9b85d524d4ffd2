import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { getStatusRoute } from '@countersign/protocol/api/admin.ts'
import type { Instance } from '../support/startInstance.ts'
import {
  type Client,
  issueCertificate,
  logEntry,
  newEntry,
  openClient,
  stampSomething,
  watchLogs,
} from './crashClient.ts'
import type { Fault } from './crashFault.ts'
import { Journal } from './crashJournal.ts'
import { judge } from './crashJudge.ts'
import { Load, type WorkDone } from './crashLoad.ts'
import { administer, removePerson, signIn, welcomePerson } from './crashOperations.ts'
import type { Order, Site } from './crashSite.ts'

/** What the server is doing when it is killed. `root` is a root command beside it, which is killed together with it. */
export type Stage = (typeof stages)[number]

/** In the order of a life. */
export const stages = ['creation', 'start', 'load', 'stop', 'root'] as const

/** One kill. */
export interface Blow {
  readonly stage: Stage
  readonly order: Order
}

/** Whoever is killed before has not worked yet. */
export function isWarm({ entries, certificates, timestamps }: WorkDone): boolean {
  return entries >= 5 && certificates >= 1 && timestamps >= 1
}

/** Kills, restarts, asks again, judges. `inspect` looks at the restarted server before it ends, and throws what it finds wrong. */
export async function strike(
  site: Site,
  { stage, order }: Blow,
  inspect: (client: Client) => Promise<void>,
): Promise<Fault[]> {
  await kill(site, stage, order)
  await live(site, async (client) => {
    await askAgain(client)
    await doOneOfEach(client)
    if (stage === 'root') await renewRoot(site)
    await inspect(client)
  })
  return judge(site)
}

/** Brings the server to the crash point, and returns once it is dead. Throws where it never gets there. */
export async function kill(site: Site, stage: Stage, order: Order): Promise<void> {
  if (stage === 'creation' || stage === 'start') site.order(order)
  const instance = await site.start().catch((error: unknown) => {
    // It died before it was ready, as it was told.
    if (site.isObeyed()) return undefined
    throw error
  })
  if (instance !== undefined) await killRunning(site, instance, { stage, order })
  if (!site.isObeyed(stage === 'root' ? 'command' : 'server')) throw new Error(`${order.point} was not reached`)
  site.clearOrders()
}

async function killRunning(site: Site, instance: Instance, { stage, order }: Blow): Promise<void> {
  const journal = new Journal(site.journalFile)
  try {
    const client = await openClient(site, instance, journal).catch((error: unknown) => {
      if (site.isObeyed()) return undefined
      throw error
    })
    if (client === undefined) return
    const load = new Load(client, instance)
    if (stage !== 'creation' && stage !== 'start') await load.until(isWarm)
    if (stage === 'load') site.order(order)
    if (stage === 'stop') await endUnderLoad(site, instance, load, order)
    if (stage === 'root') await killRootCommand(site, instance, order)
    await load.untilGone()
    await load.stop()
  } finally {
    await instance.kill()
    journal.close()
  }
}

/** A power failure takes the command and the server. */
async function killRootCommand(site: Site, instance: Instance, order: Order): Promise<void> {
  site.order(order, 'command')
  await site.run('root', 'renew', '--new-key')
  await instance.kill()
}

async function endUnderLoad(site: Site, { process }: Instance, load: Load, order: Order): Promise<void> {
  site.order(order)
  load.expectEnd()
  const gone = once(process, 'exit')
  process.kill('SIGTERM')
  await gone
}

/** Runs a server on a site for as long as `work` takes, ends it properly, and lets the client see what it distributes. */
export async function live(site: Site, work: (client: Client) => Promise<void>): Promise<void> {
  const journal = new Journal(site.journalFile)
  const instance = await site.start()
  try {
    await work(await openClient(site, instance, journal))
    await openClient(site, instance, journal)
    await instance.stop()
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${instance.output()}`, { cause: error })
  } finally {
    await instance.kill()
    journal.close()
  }
}

/** Sends again what was never acknowledged, and some of what was: an entry has one place, however often it is sent. */
async function askAgain(client: Client): Promise<void> {
  const entries = [...client.journal.unanswered(), ...client.journal.newestAcknowledged(5)]
  await Promise.all(entries.map((entry) => logEntry(client, entry)))
}

/** Uses everything once: after a crash an instance does not only hold what it had, it works. */
export async function doOneOfEach(client: Client): Promise<void> {
  const visit = async () => {
    const person = await welcomePerson(client)
    await issueCertificate(client, await signIn(client, person), person.email)
    await removePerson(client, person)
  }
  await Promise.all([
    logEntry(client, newEntry()),
    stampSomething(client),
    watchLogs(client),
    administer(client),
    visit(),
  ])
}

/** `countersign-server root renew`, with a new key for the TUF root. */
export async function renewRoot(site: Site): Promise<void> {
  const { status, stdout, stderr } = await site.run('root', 'renew', '--new-key')
  if (status !== 0) throw new Error(`root renew ended with ${status}: ${stdout}${stderr}`)
}

/** Waits until every scheduled job has run, as they all do after a start. */
export async function untilJobsRan(client: Client): Promise<void> {
  for (;;) {
    const { jobs } = await client.admin(getStatusRoute)
    if (jobs.every(({ lastRunAt }) => lastRunAt !== undefined)) return
    await sleep(50)
  }
}
