import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeNumbers, encodeNumbers, MAX_NUMBERS } from './numbers.ts'

const malformed = { code: 'revocation.record-malformed' }

test('any ascending numbers read back as they were written', () => {
  const numbers = fc.uniqueArray(fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(numbers, (given) => {
      const sorted = given.toSorted((a, b) => (a < b ? -1 : 1))
      assert.deepEqual(decodeNumbers(encodeNumbers(sorted)), sorted)
    }),
  )
})

test('any bytes at all are refused with a code, or are the one form of what they say', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      let numbers: bigint[]
      try {
        numbers = decodeNumbers(bytes)
      } catch (error) {
        assert.equal((error as { code?: string }).code, malformed.code)
        return
      }
      assert.deepEqual(encodeNumbers(numbers), bytes)
    }),
  )
})

test('25,000 neighbours take 25,000 bytes, so 50,000 fit into two records', () => {
  const numbers = Array.from({ length: 25_000 }, (_, at) => BigInt(at) + 1n)
  assert.equal(encodeNumbers(numbers).length, 25_000)
})

const unwritable: readonly (readonly [string, readonly bigint[]])[] = [
  ['none', []],
  ['zero', [0n]],
  ['a negative one', [-1n]],
  ['the same twice', [3n, 3n]],
  ['descending', [4n, 3n]],
  ['2^63', [2n ** 63n]],
  ['too many', Array.from({ length: MAX_NUMBERS + 1 }, (_, at) => BigInt(at) + 1n)],
]
for (const [what, numbers] of unwritable) {
  test(`revocation.record-malformed: numbers to write, ${what}`, () => {
    assert.throws(() => encodeNumbers(numbers), malformed)
  })
}

const unreadable: readonly (readonly [string, readonly number[]])[] = [
  ['none', []],
  ['a difference of zero', [1, 0]],
  ['cut off', [0x80]],
  ['not in the shortest form', [0x81, 0x00]],
  ['2^63', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ['a sum of 2^63', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x01]],
  ['an endless one', Array.from({ length: 64 }, () => 0xff)],
]
for (const [what, bytes] of unreadable) {
  test(`revocation.record-malformed: numbers to read, ${what}`, () => {
    assert.throws(() => decodeNumbers(Uint8Array.from(bytes)), malformed)
  })
}

test('revocation.record-malformed: more numbers than one record holds', () => {
  assert.throws(() => decodeNumbers(new Uint8Array(MAX_NUMBERS + 1).fill(1)), malformed)
  assert.equal(decodeNumbers(new Uint8Array(MAX_NUMBERS).fill(1)).length, MAX_NUMBERS)
})
