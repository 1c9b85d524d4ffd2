import { toHex } from '@countersign/protocol/json/base64.ts'
import { logKeepingError } from './errors.ts'
import type { Appended, LogEntry } from './transparencyLog.ts'

/** An entry that waits for its round, and everyone who waits for the entry. */
export class Pending {
  readonly entry: LogEntry
  readonly #waiters: { resolve(appended: Appended): void; reject(error: unknown): void }[] = []

  constructor(entry: LogEntry) {
    this.entry = entry
  }

  /** Waits for the same entry. Every caller but the first one is told that it is a duplicate. */
  join(): Promise<Appended> {
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  /** Answers everyone. The first answer counts. */
  resolve(appended: Appended): void {
    this.#waiters.splice(0).forEach((waiter, at) => {
      waiter.resolve(at === 0 ? appended : { ...appended, duplicate: true })
    })
  }

  /** Refuses everyone who has no answer yet. */
  reject(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }
}

/**
 * Entries that wait for a round. An equal entry joins the one that waits; one that comes while its equal is in a round waits
 * for the next, which finds it in the log.
 */
export class Pool {
  readonly #waiting = new Map<string, Pending>()

  /** Number of entries that wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** Takes an entry in. Throws `log.busy` where `maxQueue` others wait. */
  add(entry: LogEntry, maxQueue: number): Promise<Appended> {
    const key = toHex(entry.dedupeKey)
    const equal = this.#waiting.get(key)
    if (equal !== undefined) return equal.join()
    if (this.#waiting.size >= maxQueue) throw logKeepingError('log.busy', `${maxQueue} entries are waiting`)
    const pending = new Pending(entry)
    this.#waiting.set(key, pending)
    return pending.join()
  }

  /** Gives out the entries of the next round, oldest first. */
  take(maxBatch: number): Pending[] {
    const taken: Pending[] = []
    for (const [key, pending] of this.#waiting) {
      if (taken.length === maxBatch) break
      this.#waiting.delete(key)
      taken.push(pending)
    }
    return taken
  }

  /** Refuses everything that waits. */
  refuse(error: unknown): void {
    for (const pending of this.#waiting.values()) pending.reject(error)
    this.#waiting.clear()
  }
}
