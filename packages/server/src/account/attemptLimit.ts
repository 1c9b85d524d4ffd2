import { isIPv6 } from 'node:net'
import type { Clock } from '@countersign/local/clock/clock.ts'

const WINDOW_MS = 60_000

/** Addresses remembered within one window; beyond it all new ones share a count, so memory stays bounded. */
const MAX_ADDRESSES = 10_000

const OTHERS = 'others'

/** Counts attempts by network address within a minute of the monotonic clock, in memory. Slows down guessing; is no proof of anything. */
export class AttemptLimit {
  readonly #clock: Clock
  readonly #max: number
  #counts = new Map<string, number>()
  #windowStartMs = Number.NEGATIVE_INFINITY

  /** `max` attempts of one address within a minute are let through. */
  constructor(clock: Clock, max: number) {
    this.#clock = clock
    this.#max = max
  }

  /** Counts an attempt. */
  count(remoteAddress: string): void {
    const key = this.#keyOf(remoteAddress)
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  /** True where the address has used up its attempts. */
  isOver(remoteAddress: string): boolean {
    // The key first: finding it may begin a new window with new counts.
    const key = this.#keyOf(remoteAddress)
    return (this.#counts.get(key) ?? 0) >= this.#max
  }

  #keyOf(remoteAddress: string): string {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#windowStartMs >= WINDOW_MS) {
      this.#counts = new Map()
      this.#windowStartMs = nowMs
    }
    // One host usually has a whole /64, so single IPv6 addresses cost it nothing.
    const key = isIPv6(remoteAddress) ? networkOf(remoteAddress) : remoteAddress
    return this.#counts.has(key) || this.#counts.size < MAX_ADDRESSES ? key : OTHERS
  }
}

function networkOf(address: string): string {
  if (address.toLowerCase().startsWith('::ffff:')) return address.slice(7)
  const [head = '', tail] = address.split('::')
  const groups = head.split(':').filter((group) => group !== '')
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter((group) => group !== '').length
  return [...groups, ...new Array<string>(missing).fill('0')].slice(0, 4).join(':')
}
