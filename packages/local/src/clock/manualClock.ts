import type { Clock } from './clock.ts'

interface Sleeper {
  readonly wakeAtMs: number
  /** Ends the sleep. */
  wake(): void
}

/** A clock that stands still until told to move. For tests and simulations. */
export interface ManualClock extends Clock {
  /** Moves both clocks on by `ms` and wakes the sleepers that are due, earliest first. */
  advance(ms: number): void
  /** Sets only the wall clock, as an operator or a time server would; may go back. */
  setNow(now: Date): void
  /** How many sleepers wait. */
  readonly sleeping: number
}

/** Makes a clock that shows `start` and moves only by `advance`. */
export function manualClock(start: Date): ManualClock {
  let elapsedMs = 0
  let offsetMs = start.getTime()
  const sleepers = new Set<Sleeper>()
  return {
    now: () => new Date(offsetMs + elapsedMs),
    monotonicMs: () => elapsedMs,
    sleep: (ms, signal) => sleepUntil(sleepers, elapsedMs + ms, signal),
    advance(ms) {
      elapsedMs += ms
      const due = [...sleepers].filter((sleeper) => sleeper.wakeAtMs <= elapsedMs)
      for (const sleeper of due.sort((a, b) => a.wakeAtMs - b.wakeAtMs)) sleeper.wake()
    },
    setNow(now) {
      offsetMs = now.getTime() - elapsedMs
    },
    get sleeping() {
      return sleepers.size
    },
  }
}

function sleepUntil(sleepers: Set<Sleeper>, wakeAtMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new DOMException('The sleep was aborted', 'AbortError'))
    const abort = () => {
      sleepers.delete(sleeper)
      reject(new DOMException('The sleep was aborted', 'AbortError'))
    }
    const sleeper: Sleeper = {
      wakeAtMs,
      wake() {
        sleepers.delete(sleeper)
        signal?.removeEventListener('abort', abort)
        resolve()
      },
    }
    sleepers.add(sleeper)
    signal?.addEventListener('abort', abort, { once: true })
  })
}
