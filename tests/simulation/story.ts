import { hash } from 'node:crypto'
import type { SimulatedTime } from './simulatedTime.ts'

/** Keys and signatures are real, so what follows from them differs from run to run: long hex and base64, and nothing else. */
const FROM_KEYS = /[0-9a-f]{16,}|[A-Za-z0-9+/]{40,}={0,2}/g

/** Everything that was seen in one simulated world: the same seed has to tell the same story. */
export class Story {
  readonly #time: SimulatedTime
  readonly #folder: string
  readonly #lines: { readonly atMs: number; readonly line: string }[] = []

  /** `folder` is where the world is kept this time, which is no part of its story. */
  constructor(time: SimulatedTime, folder: string) {
    this.#time = time
    this.#folder = folder
  }

  /** Notes what `who` did or noticed, now. */
  tell(who: string, what: string): void {
    const line = `${who}: ${what.replaceAll(`${this.#folder}/`, '').replaceAll(FROM_KEYS, '#')}`
    this.#lines.push({ atMs: this.#time.nowMs, line })
  }

  /** One line each, in the order of true time; what happened in the same millisecond happened beside each other. */
  lines(): string[] {
    const ordered = this.#lines.toSorted((a, b) => a.atMs - b.atMs || (a.line < b.line ? -1 : 1))
    return ordered.map(({ atMs, line }) => `${atMs} ${line}`)
  }

  /** The same for two worlds exactly if they told the same. Hex. */
  digest(): string {
    return hash('sha256', this.lines().join('\n'), 'hex')
  }
}
