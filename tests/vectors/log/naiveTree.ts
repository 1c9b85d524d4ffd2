import { hash } from 'node:crypto'

// RFC 6962, 2.1, written as the standard writes it: slow, recursive, and without one line of the code under test.

function h(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(hash('sha256', Buffer.concat(parts), 'buffer'))
}

function split(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

/** MTH(D[n]). */
export function naiveRoot(entries: readonly Uint8Array[]): Uint8Array {
  const [only] = entries
  if (only === undefined) return h()
  if (entries.length === 1) return h(Uint8Array.of(0), only)
  const k = split(entries.length)
  return h(Uint8Array.of(1), naiveRoot(entries.slice(0, k)), naiveRoot(entries.slice(k)))
}

/** PATH(m, D[n]). */
export function naivePath(m: number, entries: readonly Uint8Array[]): Uint8Array[] {
  if (entries.length === 1) return []
  const k = split(entries.length)
  return m < k
    ? [...naivePath(m, entries.slice(0, k)), naiveRoot(entries.slice(k))]
    : [...naivePath(m - k, entries.slice(k)), naiveRoot(entries.slice(0, k))]
}

/** PROOF(m, D[n]); empty for m = 0, which the standard leaves open. */
export function naiveConsistency(m: number, entries: readonly Uint8Array[]): Uint8Array[] {
  return m === 0 ? [] : subproof(m, entries, true)
}

function subproof(m: number, entries: readonly Uint8Array[], complete: boolean): Uint8Array[] {
  if (m === entries.length) return complete ? [] : [naiveRoot(entries)]
  const k = split(entries.length)
  return m <= k
    ? [...subproof(m, entries.slice(0, k), complete), naiveRoot(entries.slice(k))]
    : [...subproof(m - k, entries.slice(k), false), naiveRoot(entries.slice(0, k))]
}
