import { revocationError } from './errors.ts'

/** Most certification numbers that one record holds. More are several records. */
export const MAX_NUMBERS = 50_000

/** First number that no certification has; numbers start at 1. */
const NUMBER_LIMIT = 2n ** 63n
const MAX_NUMBER_BYTES = 9

/**
 * Writes certification numbers, ascending and each once, as the LEB128 of their differences, the first one from 0: 25,000
 * neighbours take 25 KB. Design, decision 4. Throws `revocation.record-malformed` for another order, a number outside
 * 1 to 2^63-1, none at all or more than `MAX_NUMBERS`.
 */
export function encodeNumbers(numbers: readonly bigint[]): Uint8Array {
  if (numbers.length === 0 || numbers.length > MAX_NUMBERS) {
    throw malformed(`a record holds 1 to ${MAX_NUMBERS} numbers`)
  }
  const bytes: number[] = []
  let last = 0n
  for (const number of numbers) {
    if (number <= last || number >= NUMBER_LIMIT) throw malformed('they ascend from 1 to 2^63-1, each once')
    let rest = number - last
    for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
    bytes.push(Number(rest))
    last = number
  }
  return Uint8Array.from(bytes)
}

/**
 * Reads what `encodeNumbers` wrote, and nothing else: shortest forms only, no difference of zero, so that the same numbers
 * have one form. Throws `revocation.record-malformed`.
 */
export function decodeNumbers(bytes: Uint8Array): bigint[] {
  const numbers: bigint[] = []
  let last = 0n
  for (let at = 0; at < bytes.length; ) {
    if (numbers.length === MAX_NUMBERS) throw malformed(`more than ${MAX_NUMBERS}`)
    const { difference, next } = readDifference(bytes, at)
    last += difference
    if (last >= NUMBER_LIMIT) throw malformed('one is not below 2^63')
    numbers.push(last)
    at = next
  }
  if (numbers.length === 0) throw malformed('there is none')
  return numbers
}

function readDifference(bytes: Uint8Array, start: number): { difference: bigint; next: number } {
  let end = start
  while (((bytes[end] ?? 0) & 0x80) !== 0) end++
  if (end >= bytes.length) throw malformed('the last one is cut off')
  if (end - start >= MAX_NUMBER_BYTES) throw malformed('one is not below 2^63')
  // Zero as last byte: either the difference is zero, or a shorter form says the same.
  if (bytes[end] === 0) throw malformed('a difference is zero or not in its shortest form')
  let difference = 0n
  for (let at = end; at >= start; at--) difference = (difference << 7n) | BigInt((bytes[at] as number) & 0x7f)
  return { difference, next: end + 1 }
}

function malformed(message: string) {
  return revocationError('revocation.record-malformed', `numbers: ${message}`)
}
