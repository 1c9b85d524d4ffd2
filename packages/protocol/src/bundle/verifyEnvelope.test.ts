import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { pae } from '../log/pae.ts'
import { verifyEnvelope } from './verifyEnvelope.ts'

const payload = new TextEncoder().encode('hello world')
const payloadType = 'http://example.com/HelloWorld'
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const signature = sign(null, pae(payloadType, payload), privateKey)

test('the signed bytes are those of the DSSE specification', () => {
  const expected = 'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
  assert.equal(new TextDecoder().decode(pae(payloadType, payload)), expected)
  assert.equal(new TextDecoder().decode(pae('ü', new Uint8Array(0))), 'DSSEv1 2 ü 0 ')
})

test('payload and type are both covered', () => {
  verifyEnvelope({ payloadType, payload, signature }, publicKey, 'PKIX_ED25519')
  for (const change of [{ payloadType: 'x' }, { payload: payload.slice(1) }, { signature: signature.subarray(1) }]) {
    assert.throws(() => verifyEnvelope({ payloadType, payload, signature, ...change }, publicKey, 'PKIX_ED25519'), {
      code: 'bundle.signature-wrong',
    })
  }
})

test('a key that sigstore does not log is refused by name', () => {
  const { publicKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  assert.throws(() => verifyEnvelope({ payloadType, payload, signature }, rsa, 'PKIX_RSA_PSS_2048_SHA256'), {
    code: 'log.algorithm-unsupported',
  })
})
