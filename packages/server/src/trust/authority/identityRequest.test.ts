import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import type { SigningCertificateBody } from '@countersign/protocol/api/authority.ts'
import { makeTestKey } from '@countersign/protocol/x509/authorityFixture.ts'
import { assembleCertificateRequest, writeRequestInfo } from '@countersign/protocol/x509/csr.ts'
import { writePem } from '@countersign/protocol/x509/pem.ts'
import { readIdentityRequest, requirePossession } from './identityRequest.ts'

const CHALLENGES = ['me@example.test', 'subject-1']

function pemOf(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string
}

function body(content: string, proof: Uint8Array): SigningCertificateBody {
  return {
    credentials: { oidcIdentityToken: 'token' },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content },
      proofOfPossession: Buffer.from(proof).toString('base64'),
    },
  }
}

const keys: readonly (readonly [string, () => KeyObject, string | null])[] = [
  ['P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'sha256'],
  ['P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, 'sha384'],
  ['P-521', () => generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey, 'sha512'],
  ['RSA 2048', () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'sha256'],
  ['Ed25519', () => generateKeyPairSync('ed25519').privateKey, null],
]

for (const [name, make, hash] of keys) {
  test(`${name}: a proof over the e-mail or the subject counts, over anything else or by another key it does not`, async () => {
    const key = make()
    const prove = (text: string, by = key) =>
      readIdentityRequest(body(pemOf(key), sign(hash, Buffer.from(text), by)), undefined)
    for (const challenge of CHALLENGES) await requirePossession(prove(challenge), CHALLENGES)
    const wrong = { code: 'trust.possession-wrong' }
    await assert.rejects(requirePossession(prove('other@example.test'), CHALLENGES), wrong)
    await assert.rejects(requirePossession(prove(''), CHALLENGES), wrong)
    await assert.rejects(requirePossession(prove(CHALLENGES[0] as string, make()), CHALLENGES), wrong)
    await assert.rejects(requirePossession(prove(CHALLENGES[0] as string), []), wrong)
  })
}

test('a proof made with another hash than that of the curve does not count', async () => {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
  const request = readIdentityRequest(body(pemOf(key), sign('sha256', Buffer.from('subject-1'), key)), undefined)
  await assert.rejects(requirePossession(request, CHALLENGES), { code: 'trust.possession-wrong' })
})

test('a certificate request proves possession by its own signature, and only its key is taken', async () => {
  const key = makeTestKey()
  const info = writeRequestInfo({ spki: key.spki })
  const request = (signature: Uint8Array) => {
    const pem = writePem('CERTIFICATE REQUEST', assembleCertificateRequest(info, 'ecdsa-sha256', signature))
    const text = Buffer.from(pem).toString('base64')
    return readIdentityRequest({ certificateSigningRequest: text }, 'Bearer a.b.c')
  }
  const read = request(key.sign(info))
  assert.deepEqual(read.key.spki, key.spki)
  assert.equal(read.token, 'a.b.c')
  await requirePossession(read, [])
  assert.throws(() => request(makeTestKey().sign(info)), { code: 'x509.request-signature-wrong' })
})

test('the token comes in the body or as a bearer token, and there must be one', () => {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const { credentials: _, ...bare } = body(pemOf(key), new Uint8Array(8))
  assert.equal(readIdentityRequest(bare, 'bearer x.y.z').token, 'x.y.z')
  for (const header of [undefined, '', 'Basic abc', 'Bearer', 'Bearer a b', `Bearer ${'a'.repeat(16_385)}`]) {
    assert.throws(() => readIdentityRequest(bare, header), { code: 'trust.token-missing' })
  }
})

test('both forms of key, or neither, are refused', () => {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const one = body(pemOf(key), new Uint8Array(8))
  const refused = { code: 'trust.request-form' }
  assert.throws(() => readIdentityRequest({ ...one, certificateSigningRequest: 'AA==' }, undefined), refused)
  assert.throws(() => readIdentityRequest({ credentials: { oidcIdentityToken: 't' } }, undefined), refused)
})

test('only public keys in PEM are read, and exactly one certificate request', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const secret = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const refused = { code: 'trust.request-form' }
  for (const pem of ['', 'x', secret, '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n']) {
    assert.throws(() => readIdentityRequest(body(pem, new Uint8Array(8)), undefined), refused, pem.slice(0, 30))
  }
  const key = makeTestKey()
  const info = writeRequestInfo({ spki: key.spki })
  const pem = writePem('CERTIFICATE REQUEST', assembleCertificateRequest(info, 'ecdsa-sha256', key.sign(info)))
  const twice = Buffer.from(pem + pem).toString('base64')
  assert.throws(() => readIdentityRequest({ certificateSigningRequest: twice }, 'Bearer t'), refused)
})

test('weak and unusual keys are refused', () => {
  const rsa = (options: { modulusLength: number; publicExponent?: number }) =>
    generateKeyPairSync('rsa', options).privateKey
  const rows: readonly (readonly [string, KeyObject])[] = [
    ['trust.key-unsupported', rsa({ modulusLength: 1024 })],
    ['trust.key-unsupported', rsa({ modulusLength: 2056 })],
    ['trust.key-weak', rsa({ modulusLength: 2048, publicExponent: 3 })],
    ['trust.key-unsupported', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey],
    ['trust.key-unsupported', generateKeyPairSync('ed448').privateKey],
    ['trust.key-unsupported', generateKeyPairSync('x25519').privateKey],
  ]
  for (const [code, key] of rows) {
    assert.throws(() => readIdentityRequest(body(pemOf(key), new Uint8Array(8)), undefined), { code })
  }
  const even = { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(256, 0xfe).toString('base64url') }
  const pem = createPublicKey({ key: even, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string
  assert.throws(() => readIdentityRequest(body(pem, new Uint8Array(8)), undefined), { code: 'trust.key-weak' })
})

test('a compressed point is refused: many verifiers do not read it', () => {
  const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
  const prefix = Uint8Array.fromHex('3039301306072a8648ce3d020106082a8648ce3d030107032200')
  const spki = Buffer.concat([prefix, Uint8Array.of(2), Buffer.from(jwk.x as string, 'base64url')])
  const refused = { code: 'trust.key-unsupported' }
  assert.throws(() => readIdentityRequest(body(writePem('PUBLIC KEY', spki), new Uint8Array(8)), undefined), refused)
})

test('a proof that is not base64 is refused', () => {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const request = body(pemOf(key), new Uint8Array(8))
  const broken = { ...request, publicKeyRequest: { ...request.publicKeyRequest!, proofOfPossession: '*' } }
  assert.throws(() => readIdentityRequest(broken, undefined), { code: 'json.bad-base64' })
})
