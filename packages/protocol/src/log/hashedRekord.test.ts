import assert from 'node:assert/strict'
import { generateKeyPairSync, hash, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { CodedError } from '../errors/codedError.ts'
import type { JsonValue } from '../json/canonicalJson.ts'
import { parseJson } from '../json/parseJson.ts'
import { makeTestKey, makeTestRoot } from '../x509/authorityFixture.ts'
import {
  canonicalEntry,
  openVerifier,
  parseAddEntryRequest,
  verifyAddEntryRequest,
  verifyAddEntryRequests,
} from './hashedRekord.ts'
import { pae } from './pae.ts'

const { certificate, key } = makeTestRoot('signer', makeTestKey())
const message = new TextEncoder().encode('artifact')
const digest = new Uint8Array(hash('sha256', message, 'buffer'))
const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
const signature = key.sign(message)
const verifier = { x509Certificate: { rawBytes: b64(certificate.raw) }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' }
const record = { digest: b64(digest), signature: { content: b64(signature), verifier } }
const keyVerifier = { publicKey: { rawBytes: b64(key.spki) }, keyDetails: 5 }
const payload = new TextEncoder().encode('{"a":1}')
const envelope = {
  payload: b64(payload),
  payloadType: 'application/vnd.in-toto+json',
  signatures: [{ sig: b64(key.sign(pae('application/vnd.in-toto+json', payload))), keyid: '' }],
}

test('a request is read, verified and becomes the canonical entry', () => {
  const request = parseAddEntryRequest({ hashedRekordRequestV002: record })
  verifyAddEntryRequest(request)
  const text = new TextDecoder().decode(canonicalEntry(request))
  const expected =
    `{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256","digest":"${b64(digest)}"},` +
    `"signature":{"content":"${b64(signature)}","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","x509Certificate":{"rawBytes":"${b64(certificate.raw)}"}}}}}}`
  assert.equal(text, expected)
})

test('snake case, enum numbers, public keys and nulls are read', () => {
  const request = parseAddEntryRequest({
    hashed_rekord_request_v002: {
      digest: b64(digest),
      signature: {
        content: b64(signature),
        verifier: { public_key: { raw_bytes: b64(key.spki) }, key_details: 5, x509_certificate: null },
      },
    },
    dsseRequestV002: null,
  })
  verifyAddEntryRequest(request)
  assert.match(
    new TextDecoder().decode(canonicalEntry(request)),
    /"verifier":\{"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey"/,
  )
})

test('an envelope with one signature becomes an entry over its PAE', () => {
  const request = parseAddEntryRequest({ dsseRequestV002: { envelope, verifiers: [verifier] } })
  verifyAddEntryRequest(request)
  assert.deepEqual(request.digest, new Uint8Array(hash('sha256', pae(envelope.payloadType, payload), 'buffer')))
})

const malformed: Record<string, JsonValue> = {
  'no object': [],
  'nothing in it': {},
  'both kinds': { hashedRekordRequestV002: record, dsseRequestV002: { envelope, verifiers: [verifier] } },
  'an unknown field': { hashedRekordRequestV002: { ...record, extra: 1 } },
  'an unknown field at the top': { hashedRekordRequestV002: record, extra: null },
  'a field in both spellings': { hashedRekordRequestV002: record, hashed_rekord_request_v002: null },
  'no signature': { hashedRekordRequestV002: { digest: record.digest } },
  'an empty signature': { hashedRekordRequestV002: { ...record, signature: { verifier } } },
  'no verifier': { hashedRekordRequestV002: { ...record, signature: { content: record.signature.content } } },
  'neither certificate nor key': {
    hashedRekordRequestV002: { ...record, signature: { ...record.signature, verifier: { keyDetails: 5 } } },
  },
  'certificate and key': {
    hashedRekordRequestV002: {
      ...record,
      signature: { ...record.signature, verifier: { ...verifier, ...keyVerifier } },
    },
  },
  'an empty key': {
    hashedRekordRequestV002: {
      ...record,
      signature: { ...record.signature, verifier: { publicKey: {}, keyDetails: 5 } },
    },
  },
  'an unknown kind of key': {
    hashedRekordRequestV002: {
      ...record,
      signature: { ...record.signature, verifier: { ...verifier, keyDetails: 'PKIX' } },
    },
  },
  'an unknown number of a kind': {
    hashedRekordRequestV002: {
      ...record,
      signature: { ...record.signature, verifier: { ...verifier, keyDetails: 99 } },
    },
  },
  'base64 without padding': { hashedRekordRequestV002: { ...record, digest: record.digest.replace('=', '') } },
  'a digest that is a number': { hashedRekordRequestV002: { ...record, digest: 5 } },
  'an envelope with two signatures': {
    dsseRequestV002: {
      envelope: { ...envelope, signatures: [...envelope.signatures, ...envelope.signatures] },
      verifiers: [verifier],
    },
  },
  'an envelope with two verifiers': { dsseRequestV002: { envelope, verifiers: [verifier, verifier] } },
  'an envelope with eleven verifiers': { dsseRequestV002: { envelope, verifiers: Array(11).fill(verifier) } },
  'verifiers that are no list': { dsseRequestV002: { envelope, verifiers: verifier } },
}
for (const [what, json] of Object.entries(malformed)) {
  test(`a request with ${what} is refused`, () => {
    assert.throws(() => parseAddEntryRequest(json), { code: 'log.request-malformed' })
  })
}

test('digests and kinds that a log cannot take are refused by name', () => {
  const withVerifier = (other: object) => ({
    hashedRekordRequestV002: { ...record, signature: { ...record.signature, verifier: { ...verifier, ...other } } },
  })
  assert.throws(() => parseAddEntryRequest(withVerifier({ keyDetails: 'PKIX_ED25519' })), {
    code: 'log.algorithm-unsupported',
  })
  assert.throws(() => parseAddEntryRequest(withVerifier({ keyDetails: 'PKIX_RSA_PSS_2048_SHA256' })), {
    code: 'log.algorithm-unsupported',
  })
  assert.throws(() => parseAddEntryRequest(withVerifier({ keyDetails: 'PKIX_ECDSA_P384_SHA_384' })), {
    code: 'log.digest-wrong',
  })
})

test('a signature over another digest, and a key of another kind, are refused', () => {
  const request = parseAddEntryRequest({ hashedRekordRequestV002: record })
  const other = { ...request, digest: request.digest.with(0, (request.digest[0] as number) ^ 1) }
  assert.throws(() => verifyAddEntryRequest(other), { code: 'log.signature-wrong' })
  const p384 = makeTestKey('ecdsa-sha384')
  const swapped = { ...request, verifier: { kind: 'publicKey', rawBytes: p384.spki } } as const
  assert.throws(() => verifyAddEntryRequest(swapped), { code: 'log.key-mismatch' })
})

test('requests that are verified together get each its own answer', () => {
  const good = parseAddEntryRequest({ hashedRekordRequestV002: record })
  const enveloped = parseAddEntryRequest({ dsseRequestV002: { envelope, verifiers: [keyVerifier] } })
  const forged = { ...good, digest: good.digest.toReversed() }
  const unreadable = { ...good, verifier: { kind: 'publicKey', rawBytes: Uint8Array.of(1) } } as const
  const answers = verifyAddEntryRequests([unreadable, good, forged, enveloped, unreadable, good])
  assert.deepEqual(
    answers.map((error) => error?.code),
    ['log.verifier-malformed', undefined, 'log.signature-wrong', undefined, 'log.verifier-malformed', undefined],
  )
  assert.deepEqual(verifyAddEntryRequests([]), [])
})

test('a verifier that is not exactly one DER document is refused', () => {
  const pem = Buffer.from(`-----BEGIN CERTIFICATE-----\n${b64(certificate.raw)}\n-----END CERTIFICATE-----\n`)
  const wrong = [
    { kind: 'x509Certificate', rawBytes: pem },
    { kind: 'x509Certificate', rawBytes: new Uint8Array([...certificate.raw, 0]) },
    { kind: 'x509Certificate', rawBytes: key.spki },
    { kind: 'publicKey', rawBytes: new Uint8Array([...key.spki, 0]) },
    { kind: 'publicKey', rawBytes: certificate.raw },
    { kind: 'publicKey', rawBytes: Uint8Array.of(1) },
  ] as const
  for (const verifier of wrong) assert.throws(() => openVerifier(verifier), { code: 'log.verifier-malformed' })
})

test('a compressed key is refused, because no bundle could give the same leaf', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const raw = publicKey.export({ format: 'der', type: 'spki' })
  const point = raw.subarray(-65)
  const compressed = Buffer.concat([
    Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
    Buffer.of(2 + ((point[64] as number) & 1)),
    point.subarray(1, 33),
  ])
  const request = {
    ...parseAddEntryRequest({ hashedRekordRequestV002: record }),
    verifier: { kind: 'publicKey', rawBytes: compressed },
  } as const
  assert.throws(() => verifyAddEntryRequest(request), { code: 'log.verifier-malformed' })
})

test('an entry above 65,535 bytes is refused', () => {
  const request = parseAddEntryRequest({ hashedRekordRequestV002: record })
  const large = { ...request, verifier: { ...request.verifier, rawBytes: new Uint8Array(50_000) } }
  assert.throws(() => canonicalEntry(large), { code: 'log.entry-too-large' })
})

test('changed requests fail only with codes', () => {
  const text = JSON.stringify({ hashedRekordRequestV002: record })
  fc.assert(
    fc.property(fc.nat(), fc.nat(255), (any, value) => {
      const at = any % text.length
      const changed = text.slice(0, at) + String.fromCharCode(value) + text.slice(at + 1)
      try {
        verifyAddEntryRequest(parseAddEntryRequest(parseJson(changed, { maxBytes: 100_000 })))
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error))
      }
    }),
    { numRuns: 200 },
  )
})

test('an RSA key takes the same way', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const request = parseAddEntryRequest({
    hashedRekordRequestV002: {
      digest: b64(digest),
      signature: {
        content: b64(sign('sha256', message, privateKey)),
        verifier: { publicKey: { rawBytes: b64(publicKey.export({ format: 'der', type: 'spki' })) }, keyDetails: 9 },
      },
    },
  })
  verifyAddEntryRequest(request)
  assert.match(new TextDecoder().decode(canonicalEntry(request)), /PKIX_RSA_PKCS1V15_2048_SHA256/)
})
