import type { Hash } from '@countersign/protocol/log/merkle.ts'
import { logKeepingError } from './errors.ts'

const SEGMENTS = 256
const FIRST_SLOTS = 64
/** Numbers of one slot: fingerprint, then index + 1, so that 0 means empty. */
const SLOT = 2

/** First index that does not fit a slot: 2^32 - 1. */
export const MAX_INDEXED = 0xffff_ffff

interface Segment {
  slots: Uint32Array
  used: number
}

/**
 * From 32-byte keys to candidates for the index of their entry, in memory: 8 bytes a slot, 10 to 21 bytes an entry.
 * Holds 40 bits of each key, so a candidate may be wrong (one lookup in 100,000 at 10 million entries) and is checked against
 * the whole key; an entry that is in here is always among its candidates. 256 parts that grow one by one: no long pause.
 */
export class FingerprintIndex {
  readonly #segments: Segment[]
  readonly #seed: number

  /** `seed` is random and secret: who knows it could choose keys that fall into the same slots. */
  constructor(seed: number) {
    this.#seed = seed | 1
    this.#segments = Array.from({ length: SEGMENTS }, () => ({ slots: new Uint32Array(FIRST_SLOTS * SLOT), used: 0 }))
  }

  /** Adds a key that is not in yet. Throws `log.full` for an index from `MAX_INDEXED` on. */
  add(key: Hash, index: number): void {
    if (index >= MAX_INDEXED) throw logKeepingError('log.full', 'the log has 2^32 - 1 entries')
    const segment = this.#segmentOf(key)
    if (segment.used * 4 >= (segment.slots.length / SLOT) * 3) this.#grow(segment)
    this.#place(segment.slots, fingerprint(key), index + 1)
    segment.used++
  }

  /** Indexes that may be the key's, usually none or one. */
  candidates(key: Hash): number[] {
    const { slots } = this.#segmentOf(key)
    const wanted = fingerprint(key)
    const found: number[] = []
    for (let at = this.#start(slots, wanted); slots[at + 1] !== 0; at = next(slots, at)) {
      if (slots[at] === wanted) found.push((slots[at + 1] ?? 0) - 1)
    }
    return found
  }

  #segmentOf(key: Hash): Segment {
    return this.#segments[key[0] ?? 0] as Segment
  }

  #start(slots: Uint32Array, print: number): number {
    // The multiplication spreads the low bits, the shift brings the high ones, which depend on all, down.
    const mixed = Math.imul(print ^ this.#seed, 0x9e37_79b1)
    return ((mixed ^ (mixed >>> 15)) & (slots.length / SLOT - 1)) * SLOT
  }

  #place(slots: Uint32Array, print: number, value: number): void {
    let at = this.#start(slots, print)
    while (slots[at + 1] !== 0) at = next(slots, at)
    slots[at] = print
    slots[at + 1] = value
  }

  #grow(segment: Segment): void {
    const larger = new Uint32Array(segment.slots.length * 2)
    for (let at = 0; at < segment.slots.length; at += SLOT) {
      const value = segment.slots[at + 1] ?? 0
      if (value !== 0) this.#place(larger, segment.slots[at] ?? 0, value)
    }
    segment.slots = larger
  }
}

function fingerprint(key: Hash): number {
  return (((key[1] ?? 0) << 24) | ((key[2] ?? 0) << 16) | ((key[3] ?? 0) << 8) | (key[4] ?? 0)) >>> 0
}

function next(slots: Uint32Array, at: number): number {
  return (at + SLOT) & (slots.length - 1)
}
