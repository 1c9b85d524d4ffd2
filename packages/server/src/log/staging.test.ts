import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bundleStart, packBundle, unpackBundle } from './staging.ts'

const FILES = [
  { path: 'tile/entries/000.p/1', bytes: new Uint8Array([1, 2, 3]) },
  { path: 'tile/0/000.p/1', bytes: new Uint8Array(32).fill(7) },
]

test('what is packed is unpacked; the name says from which size on, and which files', () => {
  const bundle = packBundle(41n, FILES)
  assert.deepEqual(unpackBundle(bundle), FILES)
  assert.equal(bundleStart(bundle.path), 41n)
  assert.notEqual(packBundle(40n, FILES).path, bundle.path)
  assert.notEqual(packBundle(41n, FILES.slice(1)).path, bundle.path)
})

test('a bundle with any byte changed, cut short, or under another name is refused', () => {
  const { path, bytes } = packBundle(41n, FILES)
  for (let at = 0; at < bytes.length; at += 5) {
    const changed = bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))
    assert.throws(() => unpackBundle({ path, bytes: changed }), { code: 'log.files-wrong' })
  }
  assert.throws(() => unpackBundle({ path, bytes: bytes.subarray(0, -1) }), { code: 'log.files-wrong' })
  assert.throws(() => unpackBundle({ path: 'staging/x', bytes }), { code: 'log.files-wrong' })
  assert.equal(bundleStart('staging/x'), undefined)
})
