/** Chance that follows from a seed alone. */
export interface SeededRandom {
  /** From 0 up to 1. */
  next(): number
  /** A whole number from 0 up to `count`. */
  below(count: number): number
  /** From `low` up to `high`. */
  between(low: number, high: number): number
  /** True once in `1 / probability` times. */
  chance(probability: number): boolean
  /** One of the items, which are not empty. */
  pick<T>(items: readonly T[]): T
  /** Chance of its own for one part, so that more draws of one part do not change what another part draws. */
  fork(name: string): SeededRandom
}

/** Mulberry32: small, fast and good enough to choose misfortunes. `seed` is a whole number below 2^32. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    below: (count) => Math.floor(next() * count),
    between: (low, high) => low + next() * (high - low),
    chance: (probability) => next() < probability,
    pick: (items) => items[Math.floor(next() * items.length)] as (typeof items)[number],
    fork: (name) => seededRandom([...name].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), seed)),
  }
}
