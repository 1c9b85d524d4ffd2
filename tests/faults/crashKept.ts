import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { lineOf, type Order, preload, type Role, type Site } from './crashSite.ts'

/** A process that has said it is ready. */
export interface Launched {
  readonly process: ChildProcess
  output(): string
}

type Settled = PromiseWithResolvers<void>

const lookEveryMs = 20
/** How long its next start may take, with all deaths on the way there. */
const upWithinMs = 240_000
/** How long a program may take to get ready; several share the processors. */
const readyWithinMs = 120_000
/** How long a program that was asked to end may take. */
const endWithinMs = 60_000
/** What a caller notices of a death may come before the death itself. */
const graceMs = 5_000

/** Starts a program under test in a role. Resolves once a line of its output is one that `isReady`; rejects where it ends before. */
export async function launch(
  site: Site,
  role: Role,
  command: readonly string[],
  isReady: (line: string) => boolean,
): Promise<Launched> {
  const [program = '', ...script] = command
  const child = spawn(program, [...preload, ...script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...site.env(role) },
  })
  let output = ''
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    output += more
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    output += `${line}\n`
    if (isReady(line)) resolve()
  })
  child.on('error', reject)
  child.on('close', () => reject(new Error(`the ${role} ended before it was ready\n${output}`)))
  const timer = setTimeout(() => {
    child.kill('SIGKILL')
    reject(new Error(`the ${role} did not get ready\n${output}`))
  }, readyWithinMs)
  await promise.finally(() => clearTimeout(timer))
  return { process: child, output: () => output }
}

/**
 * A program that is started again whenever it dies of an order, as a service manager would do it after a power failure, until
 * `end`. What it dies of without an order is a defect, and everybody who waits for it hears of it.
 */
export class KeptProgram {
  readonly role: Role
  /** The orders that it died of, as lines. */
  readonly obeyed: string[] = []
  readonly #site: Site
  readonly #launch: () => Promise<Launched>
  readonly #orders: Order[]
  #up = Promise.withResolvers<Launched>()
  #current: Launched | undefined
  /** Where it stays dead for a while. */
  #held: { readonly line: string; readonly dead: Settled; readonly rise: Settled } | undefined
  #isBouncing = false
  #isEnding = false
  readonly #kept: Promise<void>

  /** Starts it under `orders`. */
  constructor(site: Site, role: Role, orders: readonly Order[], start: () => Promise<Launched>) {
    this.role = role
    this.#site = site
    this.#launch = start
    this.#orders = [...orders]
    if (orders.length > 0) site.orderAny(orders, role)
    this.#kept = this.#keep()
    // Read by `up` and `end`; until then nobody waits for it.
    this.#kept.catch(() => {})
    this.#up.promise.catch(() => {})
  }

  /** Orders that it has not died of yet. */
  get waiting(): readonly Order[] {
    return this.#orders
  }

  /** Resolves with the process once it is ready, also after deaths. Rejects once it ended without an order. */
  async up(): Promise<Launched> {
    const deadline = Date.now() + upWithinMs
    for (;;) {
      if (Date.now() > deadline) throw new Error(`the ${this.role} does not come up again`)
      const isOver = await Promise.race([this.#up.promise, sleep(lookEveryMs), this.#kept.then(() => true)])
      if (isOver === true) throw new Error(`the ${this.role} has ended`)
      const launched = this.#current
      if (launched !== undefined && !isGone(launched)) return launched
      await sleep(lookEveryMs)
    }
  }

  /** Everything that its processes have written and somebody is still there to ask. */
  output(): string {
    return this.#current?.output() ?? ''
  }

  /** Whether it has died since it had died `deaths` times, with some patience. */
  async hasDiedSince(deaths: number): Promise<boolean> {
    const deadline = Date.now() + graceMs
    while (this.obeyed.length === deaths && Date.now() < deadline) await sleep(lookEveryMs)
    return this.obeyed.length > deaths
  }

  /** Adds an order, waits until it was obeyed, and lets the program rise again only when `meanwhile` is over. */
  async deadAt(order: Order, meanwhile: () => Promise<void>): Promise<void> {
    const held = { line: lineOf(order), dead: Promise.withResolvers<void>(), rise: Promise.withResolvers<void>() }
    this.#held = held
    this.#orders.push(order)
    this.#site.orderAny(this.#orders, this.role)
    try {
      await Promise.race([held.dead.promise, this.#kept])
      await meanwhile()
    } finally {
      held.rise.resolve()
    }
  }

  /** Kills it between two points, and lets it rise again. */
  async bounce(): Promise<void> {
    const { process } = await this.up()
    this.#isBouncing = true
    if (process.kill('SIGKILL')) await once(process, 'exit')
  }

  /** Ends it properly. Rejects with what went wrong with it until then. */
  async end(): Promise<void> {
    const launched = await this.up()
    this.#isEnding = true
    launched.process.kill('SIGTERM')
    const timer = setTimeout(() => launched.process.kill('SIGKILL'), endWithinMs)
    await this.#kept.finally(() => clearTimeout(timer))
    const { exitCode, signalCode } = launched.process
    if (exitCode === 0) return
    throw new Error(`the ${this.role} ended with ${exitCode ?? signalCode}\n${launched.output().slice(-8000)}`)
  }

  /** Kills it for good. */
  async kill(): Promise<void> {
    this.#isEnding = true
    this.#current?.process.kill('SIGKILL')
    await this.#kept.catch(() => {})
  }

  async #keep(): Promise<void> {
    while (!this.#isEnding) {
      const ended = await this.#live()
      if (this.#isEnding) return
      const line = this.#site.takeObeyed(this.role)
      if (line !== undefined) await this.#die(line)
      else if (!this.#isBouncing) throw this.#unasked(ended)
      this.#isBouncing = false
    }
  }

  async #die(line: string): Promise<void> {
    const at = this.#orders.findIndex((one) => lineOf(one) === line)
    this.#orders.splice(at, 1)
    this.#site.orderAny(this.#orders, this.role)
    this.obeyed.push(line)
    if (this.#held?.line !== line) return
    const { dead, rise } = this.#held
    this.#held = undefined
    dead.resolve()
    await rise.promise
  }

  #unasked(output: string): Error {
    const error = new Error(`the ${this.role} ended by itself: ${output.slice(-8000)}`)
    this.#up.reject(error)
    return error
  }

  /** One process from its start to its end. Resolves with what it said. Who waits for it to be up waits for the next where it fails. */
  async #live(): Promise<string> {
    let launched: Launched
    try {
      launched = await this.#launch()
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
    this.#current = launched
    this.#up.resolve(launched)
    if (!isGone(launched)) await once(launched.process, 'exit')
    this.#up = Promise.withResolvers()
    this.#up.promise.catch(() => {})
    return launched.output()
  }
}

function isGone({ process }: Launched): boolean {
  return process.exitCode !== null || process.signalCode !== null
}
