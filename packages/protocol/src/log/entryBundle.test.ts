import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeEntryBundle, encodeEntryBundle, MAX_ENTRY_BYTES } from './entryBundle.ts'

const maxEntries = 256

test('entries survive, empty and largest ones included', () => {
  const entries = [new Uint8Array(0), Uint8Array.of(1, 2, 3), new Uint8Array(MAX_ENTRY_BYTES).fill(7)]
  assert.deepEqual(decodeEntryBundle(encodeEntryBundle(entries), { maxEntries }), entries)
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 256 }), (some) => {
      assert.deepEqual(decodeEntryBundle(encodeEntryBundle(some), { maxEntries }), some)
    }),
    { numRuns: 30 },
  )
})

test('entries that do not fit are not written', () => {
  assert.throws(() => encodeEntryBundle([new Uint8Array(MAX_ENTRY_BYTES + 1)]), { code: 'log.entry-too-large' })
  assert.throws(() => encodeEntryBundle([]), { code: 'log.range-wrong' })
  assert.throws(() => encodeEntryBundle(Array(257).fill(Uint8Array.of(1))), { code: 'log.range-wrong' })
})

test('a bundle that ends early or has too many entries is refused', () => {
  const bundle = encodeEntryBundle([Uint8Array.of(1, 2), Uint8Array.of(3)])
  for (const size of [1, 2, 3, 5, 6]) {
    assert.throws(() => decodeEntryBundle(bundle.subarray(0, size), { maxEntries }), { code: 'log.entry-bundle-wrong' })
  }
  assert.throws(() => decodeEntryBundle(bundle, { maxEntries: 1 }), { code: 'log.entry-bundle-wrong' })
})
