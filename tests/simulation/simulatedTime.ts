import { setTimeout as realWait } from 'node:timers/promises'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { allQuiet } from './pendingWork.ts'

/** What a clock belongs to. Once it is not alive, nothing that waits for the clock ever goes on: a process that was killed. */
export interface Life {
  isAlive: boolean
}

/** How one machine's clock differs from true time. */
export interface ClockFacts {
  readonly life: Life
  /** Wall clock minus true time. */
  readonly offsetMs: () => number
  /** When the machine was started, in true time; its monotonic clock counts from there. */
  readonly bootedAtMs: number
  /**
   * Sleeps from a second up to `grainUpToMs` end at whole multiples of `grainMs`, shifted by `phaseMs`: reviews and heartbeats
   * come less often than in life, by the same code, so that a day fits into a minute.
   */
  readonly grainMs: number
  readonly grainUpToMs: number
  readonly phaseMs: number
}

interface Due {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

const FINE_MS = 1_000
/** Whoever waits for nothing again and again keeps everybody else from going on. */
const MAX_AT_ONCE = 100_000
const MAX_IDLE = 30_000

/** True time, which everything in a simulation waits for. It goes on only while everybody waits. */
export class SimulatedTime {
  readonly #start: Date
  readonly #due: Due[] = []
  #order = 0
  #nowMs = 0
  #stepsAtOnce = 0

  constructor(start: Date) {
    this.#start = start
  }

  /** Milliseconds since the start. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** The true date. */
  get date(): Date {
    return new Date(this.#start.getTime() + this.#nowMs)
  }

  /**
   * Runs `work` at true time `atMs`, or next where that has passed. Same time: in the order of asking. Whole milliseconds, as
   * timers have them: a wait for less than the smallest number would never end.
   */
  at(atMs: number, run: () => void): void {
    const due = { atMs: Math.max(Math.ceil(atMs), this.#nowMs), order: this.#order++, run }
    let low = 0
    for (let high = this.#due.length; low < high; ) {
      const middle = (low + high) >> 1
      if (comesBefore(due, this.#due[middle] as Due)) low = middle + 1
      else high = middle
    }
    this.#due.splice(low, 0, due)
  }

  /** Resolves after `ms` of true time. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.at(this.#nowMs + ms, resolve))
  }

  /** Lets time go on until `untilMs`. */
  async run(untilMs: number): Promise<void> {
    for (;;) {
      await allQuiet()
      if ((this.#due.at(-1)?.atMs ?? Number.POSITIVE_INFINITY) > untilMs) break
      this.#step()
    }
    this.#nowMs = untilMs
  }

  /** Lets time go on until `work` is done. Throws what it throws. */
  async until<T>(work: Promise<T>): Promise<T> {
    let isDone = false
    const done = () => {
      isDone = true
    }
    work.then(done, done)
    for (let idle = 0; ; ) {
      await allQuiet()
      if (isDone) return work
      if (this.#due.length > 0) this.#step()
      // Loading a module is work that the runtime does not list.
      else if (idle++ < MAX_IDLE) await realWait(1)
      else throw new Error('everybody waits for ever')
    }
  }

  #step(): void {
    const next = this.#due.pop() as Due
    this.#stepsAtOnce = next.atMs === this.#nowMs ? this.#stepsAtOnce + 1 : 0
    if (this.#stepsAtOnce > MAX_AT_ONCE) throw new Error(`time stands still at ${this.#nowMs} ms`)
    this.#nowMs = next.atMs
    next.run()
  }

  /** The clock of one process. */
  clock({ life, offsetMs, bootedAtMs, grainMs, grainUpToMs, phaseMs }: ClockFacts): Clock {
    const wakeAtMs = (ms: number) => {
      const exactMs = this.#nowMs + ms
      const isExact = ms < FINE_MS || ms > grainUpToMs
      return isExact ? exactMs : Math.ceil((exactMs - phaseMs) / grainMs) * grainMs + phaseMs
    }
    return {
      now: () => new Date(this.date.getTime() + offsetMs()),
      monotonicMs: () => this.#nowMs - bootedAtMs,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          const abort = () => reject(new DOMException('The sleep was aborted', 'AbortError'))
          if (signal?.aborted) return abort()
          signal?.addEventListener('abort', abort, { once: true })
          this.at(wakeAtMs(ms), () => {
            signal?.removeEventListener('abort', abort)
            if (life.isAlive) resolve()
          })
        }),
    }
  }
}

/** The list is kept with the next one last, which is cheap to take. */
function comesBefore(one: Due, other: Due): boolean {
  return one.atMs === other.atMs ? one.order < other.order : one.atMs < other.atMs
}
