import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto'
import { test } from 'node:test'
import { integer, sequence } from '@countersign/protocol/der/writeDer.ts'
import { TokenSigner } from './tokenSigner.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))

function signerOf(signDer: (message: Uint8Array) => Uint8Array): TokenSigner {
  return new TokenSigner({
    name: 'test',
    keyId: createHash('sha256').update(spki).digest('hex'),
    algorithm: 'ecdsa-p256',
    spki,
    publicKey,
    signatureAlgorithm: 'ecdsa-sha256',
    sign: async (message) => signDer(message),
  })
}

test('signatures of the key store become those of JWS', async () => {
  const message = new TextEncoder().encode('header.payload')
  const signature = await signerOf((input) => new Uint8Array(sign('sha256', input, privateKey))).sign(message)
  assert.ok(verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature))
})

for (const [r, s] of [
  [1n, 1n],
  [2n ** 255n + 3n, 2n ** 247n],
  [2n ** 127n, 2n ** 256n - 1n],
] as const) {
  test(`r and s take 32 bytes each, whatever their size (${r.toString(16).length} and ${s.toString(16).length} digits)`, async () => {
    const signature = await signerOf(() => sequence(integer(r), integer(s))).sign(new Uint8Array())
    assert.equal(signature.toHex(), r.toString(16).padStart(64, '0') + s.toString(16).padStart(64, '0'))
  })
}
