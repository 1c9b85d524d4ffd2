import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { signDigest } from './signDigest.ts'

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest())

test('the signature over a digest is one over the bytes, by the library’s own verification', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const { privateKey, publicKeyPem, signature } = signDigest(sha256(bytes))
      assert.ok(verify('sha256', bytes, publicKeyPem, signature))
      assert.ok(verify('sha256', bytes, createPublicKey(privateKey), signature))
      assert.equal(verify('sha256', Buffer.concat([bytes, Buffer.from([0])]), publicKeyPem, signature), false)
    }),
    { numRuns: 50 },
  )
})

test('digests at the edges of the field', () => {
  for (const fill of [0x00, 0xff]) {
    const { publicKeyPem, signature } = signDigest(new Uint8Array(32).fill(fill))
    assert.match(publicKeyPem, /BEGIN PUBLIC KEY/)
    assert.ok(signature.length >= 68)
  }
})

test('every signature has its own key', () => {
  const digest = sha256(new Uint8Array())
  assert.notEqual(signDigest(digest).publicKeyPem, signDigest(digest).publicKeyPem)
})
