import { setImmediate as nextTurn } from 'node:timers/promises'
import { logKeepingError } from './errors.ts'
import type { OpenedLog } from './openedLog.ts'
import { Pool } from './pool.ts'
import { sequence } from './sequence.ts'
import type { Appended, LogEntry } from './transparencyLog.ts'

/**
 * Runs the rounds of one log, one after the other. The first entry after a pause starts one at once; entries that arrive
 * meanwhile wait for the next, so rounds grow with the load and an idle log is quick.
 */
export class Rounds {
  readonly #log: OpenedLog
  readonly #pool = new Pool()
  #beats: { resolve(): void; reject(error: unknown): void }[] = []
  #running: Promise<void> | undefined
  #lastStartMs = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(log: OpenedLog) {
    this.#log = log
  }

  /** As `TransparencyLog.append`. */
  async append(entry: LogEntry): Promise<Appended> {
    this.#refuseIfOver()
    const appended = this.#pool.add(entry, this.#log.limits.maxQueue)
    this.#running ??= this.#run()
    return appended
  }

  /** As `TransparencyLog.heartbeat`. Every round is one. */
  async heartbeat(): Promise<void> {
    this.#refuseIfOver()
    const beaten = new Promise<void>((resolve, reject) => this.#beats.push({ resolve, reject }))
    this.#running ??= this.#run()
    return beaten
  }

  /** As `TransparencyLog.close`. */
  async close(): Promise<void> {
    this.#closed = true
    this.#pool.refuse(logKeepingError('log.closed', 'the log is closing'))
    await this.#running
  }

  #refuseIfOver(): void {
    if (this.#closed) throw logKeepingError('log.closed', 'the log is closing')
    this.#refuseIfStopped()
  }

  async #run(): Promise<void> {
    while (this.#pool.size > 0 || this.#beats.length > 0) {
      await this.#gather()
      await this.#round()
    }
    this.#running = undefined
  }

  /** Waits for what comes in the same turn of the event loop, and so that rounds do not follow each other too fast. */
  async #gather(): Promise<void> {
    const { clock } = this.#log.deps
    const waitMs = this.#lastStartMs + this.#log.limits.batchMs - clock.monotonicMs()
    await (waitMs > 0 ? clock.sleep(waitMs) : nextTurn())
    this.#lastStartMs = clock.monotonicMs()
  }

  async #round(): Promise<void> {
    const beats = this.#beats.splice(0)
    // A heartbeat is a round with an empty pool; one that takes entries in, beats as well.
    const pool = this.#pool.take(this.#log.limits.maxBatch)
    const publishedBefore = this.#log.published
    try {
      this.#refuseIfStopped()
      await sequence(this.#log, pool)
      if (beats.length > 0 && this.#log.published === publishedBefore) await sequence(this.#log, [])
      for (const beat of beats) beat.resolve()
    } catch (error) {
      for (const waiting of [...pool, ...beats]) waiting.reject(error)
    }
  }

  #refuseIfStopped(): void {
    const cause = this.#log.failure
    if (cause !== undefined) throw logKeepingError('log.stopped', 'the log stopped', { cause })
  }
}
