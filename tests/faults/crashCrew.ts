import { existsSync } from 'node:fs'
import path from 'node:path'
import { type CallInput, type CallReply, call } from '@countersign/local/calls/call.ts'
import type { Route } from '@countersign/protocol/api/route.ts'
import { countersignAgent, countersignValidator } from '../support/programs.ts'
import { type Client, openClient } from './crashClient.ts'
import { runningOn } from './crashDevice.ts'
import { Journal } from './crashJournal.ts'
import { KeptProgram, launch } from './crashKept.ts'
import type { Order, Role, Site } from './crashSite.ts'

/** Who lives along the journey. */
export type CrewRole = Exclude<Role, 'command'>

/** The orders of each; nobody dies who has none. */
export type CrewOrders = Partial<Record<CrewRole, readonly Order[]>>

const patienceMs = 120_000

/** Server, validator and device of one site, kept alive, and the client that writes down what it is told by all of them. */
export class Crew {
  readonly site: Site
  readonly journal: Journal
  readonly server: KeptProgram
  readonly validator: KeptProgram
  readonly agent: KeptProgram
  #client: Client | undefined

  /** Starts all three under orders, the server first. */
  static async assemble(site: Site, orders: CrewOrders = {}): Promise<Crew> {
    const server = new KeptProgram(site, 'server', orders.server ?? [], () => site.start())
    await server.up()
    const crew = new Crew(site, server, orders)
    try {
      await crew.renewClient()
      return crew
    } catch (error) {
      await crew.kill()
      throw error
    }
  }

  private constructor(site: Site, server: KeptProgram, orders: CrewOrders) {
    this.site = site
    this.server = server
    this.journal = new Journal(site.journalFile)
    this.validator = new KeptProgram(site, 'validator', orders.validator ?? [], () => launchValidator(site))
    this.agent = new KeptProgram(site, 'agent', orders.agent ?? [], () => launchAgent(site))
  }

  /** The client of the running server, with the trust that it had when it was opened. */
  get client(): Client {
    if (this.#client === undefined) throw new TypeError('the crew is not assembled')
    return this.#client
  }

  /** Follows what the instance distributes by now. */
  async renewClient(): Promise<Client> {
    const instance = { publicUrl: `https://localhost:${this.site.lane.httpsPort}` }
    this.#client = await this.persist(() => openClient(this.site, instance, this.journal))
    return this.#client
  }

  /**
   * Does `work` once those are up whom it needs, and again where one of the crew died meanwhile. What fails while all of them
   * live is a complaint.
   */
  async persist<Result>(work: () => Promise<Result>, needs = [this.server, this.validator]): Promise<Result> {
    const deadline = Date.now() + patienceMs
    for (;;) {
      const deaths = this.#all().map((one) => one.obeyed.length)
      await Promise.all(needs.map((one) => one.up()))
      try {
        return await work()
      } catch (error) {
        const died = await Promise.all(this.#all().map((one, at) => one.hasDiedSince(deaths[at] ?? 0)))
        if (!died.includes(true) || Date.now() > deadline) throw error
      }
    }
  }

  /** Calls an operation of the server over its admin socket. */
  admin<R extends Route>(route: R, input?: CallInput): Promise<CallReply<R>> {
    return this.persist(() => this.client.admin(route, input))
  }

  /** Calls an operation of the validator over its admin socket. */
  validatorAdmin<R extends Route>(route: R, input?: CallInput): Promise<CallReply<R>> {
    const target = { socketPath: path.join(this.site.validatorFolder, 'admin.sock') }
    return this.persist(() => call(target, route, input), [this.validator])
  }

  /** Orders that nobody got to, of all of them. */
  waiting(): { readonly role: Role; readonly order: Order }[] {
    return this.#all().flatMap(({ role, waiting }) => waiting.map((order) => ({ role, order })))
  }

  /** Ends all three properly: the device first, which tells the server that nothing runs there any more. */
  async end(): Promise<void> {
    this.site.clearOrders()
    for (const one of [this.agent, this.validator, this.server]) await one.end()
    this.journal.close()
  }

  /** Kills whoever still lives. */
  async kill(): Promise<void> {
    await Promise.all(this.#all().map((one) => one.kill()))
    for (const { pid } of runningOn(this.site)) process.kill(pid, 'SIGKILL')
  }

  /** What they have said last, for whoever looks for the cause of a fault. */
  output(): string {
    return this.#all()
      .map((one) => `--- ${one.role}\n${one.output().slice(-4000)}`)
      .join('\n')
  }

  #all(): readonly KeptProgram[] {
    return [this.server, this.validator, this.agent]
  }
}

/** Starts the validator of a site; a ticket beside its folder enrols it where it is new. */
export function launchValidator(site: Site) {
  const ticketFile = `${site.validatorFolder}.ticket`
  const isNew = !existsSync(path.join(site.validatorFolder, 'validator.json'))
  const command = [...countersignValidator, 'serve', '--data', site.validatorFolder, '--json']
  const ticket = isNew ? ['--ticket-file', ticketFile] : []
  return launch(site, 'validator', [...command, ...ticket], (line) => line.includes('"event":"ready"'))
}

/** Starts the agent of a site's device, which is enrolled. */
export function launchAgent(site: Site) {
  const { lane, deviceFolder } = site
  const command = [...countersignAgent, 'run', '--data', deviceFolder, '--port', String(lane.devicePort)]
  return launch(site, 'agent', command, (line) => line.startsWith('ready '))
}
