import { setTimeout as sleep } from 'node:timers/promises'
import type { Instance } from '../support/startInstance.ts'
import { type Client, issueCertificate, logEntry, newEntry, stampSomething, watchLogs } from './crashClient.ts'
import { administer, removePerson, signIn, welcomePerson } from './crashOperations.ts'

/** How much of each kind of work was acknowledged. */
export interface WorkDone {
  entries: number
  certificates: number
  timestamps: number
  people: number
  administrations: number
}

const entryWorkers = 3
/** Leaves the other half of a small machine to the server. */
const pauseMs = 10
const patienceMs = 120_000
/** How long a dead server's last answers may be on their way before its clients call an error a complaint. */
const graceMs = 10_000

/** Everything that a server has to do at the same time, until it dies or `stop`. */
export class Load {
  readonly done: WorkDone = { entries: 0, certificates: 0, timestamps: 0, people: 0, administrations: 0 }
  readonly #client: Client
  readonly #server: Instance['process']
  readonly #workers: Promise<void>
  #isStopping = false
  #isEnding = false

  constructor(client: Client, server: Instance) {
    this.#client = client
    this.#server = server.process
    this.#workers = Promise.all([
      ...Array.from({ length: entryWorkers }, () => this.#repeat('entries', () => logEntry(client, newEntry()))),
      this.#repeat('timestamps', () => stampSomething(client)),
      this.#repeat(undefined, () => watchLogs(client)),
      this.#repeat('administrations', () => administer(client)),
      this.#repeat('people', () => this.#receiveVisitor()),
      this.#issueCertificates(),
    ]).then(() => {})
    // Read by `stop` and `outcome`; until then nobody waits for it.
    this.#workers.catch(() => {})
  }

  /** Resolves when `enough` says so, or the server is gone; rejects with what went wrong, also when it takes too long. */
  async until(enough: (done: WorkDone) => boolean): Promise<void> {
    const deadline = Date.now() + patienceMs
    while (!enough(this.done) && !this.#isGone()) {
      if (Date.now() > deadline) throw new Error(`the server goes on and on: ${JSON.stringify(this.done)}`)
      await Promise.race([sleep(20), this.#workers])
    }
  }

  /** Resolves when the server is gone. */
  untilGone(): Promise<void> {
    return this.until(() => false)
  }

  /** From now on the server may refuse whatever it wants: it was told to end. */
  expectEnd(): void {
    this.#isEnding = true
  }

  /** Lets what is under way finish. Rejects with the first complaint: an error while the server was alive and not ending. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#workers
  }

  async #issueCertificates(): Promise<void> {
    let signer: { readonly email: string; readonly token: string } | undefined
    await this.#repeat('certificates', async () => {
      if (signer === undefined) {
        const person = await welcomePerson(this.#client)
        signer = { email: person.email, token: await signIn(this.#client, person) }
      }
      await issueCertificate(this.#client, signer.token, signer.email)
    })
  }

  async #receiveVisitor(): Promise<void> {
    const person = await welcomePerson(this.#client)
    await signIn(this.#client, person)
    await removePerson(this.#client, person)
  }

  async #repeat(kind: keyof WorkDone | undefined, work: () => Promise<void>): Promise<void> {
    while (!this.#isStopping) {
      try {
        await work()
      } catch (error) {
        if (this.#isEnding || (await this.#isGoneSoon())) return
        this.#isStopping = true
        throw error
      }
      if (kind !== undefined) this.done[kind] += 1
      await sleep(pauseMs)
    }
  }

  #isGone(): boolean {
    return this.#server.exitCode !== null || this.#server.signalCode !== null
  }

  async #isGoneSoon(): Promise<boolean> {
    const deadline = Date.now() + graceMs
    while (!this.#isGone() && Date.now() < deadline) await sleep(20)
    return this.#isGone()
  }
}
