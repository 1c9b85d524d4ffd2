/** Refusals of callers that nobody knows: how often one code was answered within one minute of the clock. */
export interface RefusalCount {
  readonly code: string
  /** Start of the minute, milliseconds since 1970. */
  readonly minuteMs: number
  readonly count: number
}

const MINUTE_MS = 60_000

/**
 * Counts refusals of unknown callers in memory, so that strangers cannot fill the audit log or the disk.
 * What a crash loses is the counts of at most the running minute. Codes come from the joined error tables, so there are few.
 */
export class RefusalTally {
  readonly #counts = new Map<string, { code: string; minuteMs: number; count: number }>()

  /** Counts one refusal with `code`. */
  add(code: string, atMs: number): void {
    const minuteMs = Math.floor(atMs / MINUTE_MS) * MINUTE_MS
    const key = `${minuteMs} ${code}`
    const entry = this.#counts.get(key)
    if (entry) entry.count += 1
    else this.#counts.set(key, { code, minuteMs, count: 1 })
  }

  /** Takes out the counts of every minute that ended before `nowMs`, or of all minutes. */
  take(nowMs: number, all: boolean): RefusalCount[] {
    const taken: RefusalCount[] = []
    for (const [key, entry] of this.#counts) {
      if (!all && entry.minuteMs + MINUTE_MS > nowMs) continue
      this.#counts.delete(key)
      taken.push(entry)
    }
    return taken
  }
}
