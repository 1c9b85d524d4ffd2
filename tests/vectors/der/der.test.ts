import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readDer } from '@countersign/protocol/der/readDer.ts'

interface DerVectors {
  readonly good: readonly { readonly what: string; readonly hex: string }[]
  readonly bad: readonly { readonly what: string; readonly hex: string; readonly code: string }[]
}

const vectors = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8')) as DerVectors

for (const { what, hex } of vectors.good) {
  test(`read: ${what}`, () => assert.equal(readDer(Uint8Array.fromHex(hex)).raw.toHex(), hex))
  test(`read whole only: ${what}`, () => {
    const bytes = Uint8Array.fromHex(hex)
    for (let size = 0; size < bytes.length; size++) {
      assert.throws(() => readDer(bytes.subarray(0, size)), { code: /^der\.(truncated|bad-value)$/ })
    }
    assert.throws(() => readDer(Uint8Array.fromHex(`${hex}00`)), { code: 'der.trailing-bytes' })
  })
}

for (const { what, hex, code } of vectors.bad) {
  test(`refuse with ${code}: ${what}`, () => assert.throws(() => readDer(Uint8Array.fromHex(hex)), { code }))
}

test('there are at least as many bad vectors as good ones', () => {
  assert.ok(vectors.bad.length >= vectors.good.length)
})
