import { setTimeout as timeout } from 'node:timers/promises'

/** Time as a program sees it. Simulations and tests pass their own; nothing below `compose` reads the system's clock directly. */
export interface Clock {
  /** The wall clock, milliseconds precise. May jump, also backwards; for times that are written down. */
  now(): Date
  /** Milliseconds since an arbitrary start; never goes back. For durations and deadlines inside one process. */
  monotonicMs(): number
  /** Resolves after `ms` milliseconds (0 or more); rejects with an `AbortError` as soon as `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The longest delay that one timer of the runtime can hold; a larger one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The operating system's clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    for (let leftMs = ms; ; leftMs -= MAX_TIMER_MS) {
      await timeout(Math.min(leftMs, MAX_TIMER_MS), undefined, { signal })
      if (leftMs <= MAX_TIMER_MS) return
    }
  },
}
