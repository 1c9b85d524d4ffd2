import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { boolean, explicit, integer, nullValue, octetString, oid, sequence } from '../der/writeDer.ts'
import { CodedError } from '../errors/codedError.ts'
import { encodeBase64 } from '../json/base64.ts'
import { DIGEST_BYTES, digestIdentifier } from './digestAlgorithm.ts'
import { parseTimestampRequest, parseTimestampRequestJson, writeTimestampRequest } from './request.ts'

const digest = new Uint8Array(32).fill(7)
const imprint = sequence(digestIdentifier('sha256'), octetString(digest))

test('any request is read back', () => {
  const hashes = fc.constantFrom('sha256', 'sha384', 'sha512')
  const nonces = fc.option(fc.bigInt(-(1n << 200n), 1n << 200n), { nil: undefined })
  const policies = fc.option(fc.constantFrom('1.2.3', '1.3.6.1.4.1.57264.2'), { nil: undefined })
  fc.assert(
    fc.property(hashes, nonces, policies, fc.boolean(), (hash, nonce, policy, certReq) => {
      const request = {
        hash,
        digest: new Uint8Array(DIGEST_BYTES[hash]).fill(1),
        certReq,
        ...(nonce === undefined ? {} : { nonce }),
        ...(policy === undefined ? {} : { policy }),
      } as const
      const { imprint: _, ...read } = parseTimestampRequest(writeTimestampRequest(request))
      assert.deepEqual(read, request)
    }),
  )
})

test('the imprint is repeated as it was written, with or without NULL', () => {
  const algorithm = sequence(oid('2.16.840.1.101.3.4.2.1'), nullValue())
  const withNull = sequence(algorithm, octetString(digest))
  for (const form of [withNull, imprint]) {
    const request = parseTimestampRequest(sequence(integer(1), form))
    assert.deepEqual(request.imprint, form)
    assert.deepEqual(writeTimestampRequest(request), sequence(integer(1), form))
  }
})

test('FALSE for certReq is read although DER leaves it out', () => {
  assert.equal(parseTimestampRequest(sequence(integer(1), imprint, boolean(false))).certReq, false)
})

const sha1 = sequence(sequence(oid('1.3.14.3.2.26'), nullValue()), octetString(new Uint8Array(20)))
const badDer: readonly (readonly [what: string, der: Uint8Array, code: string])[] = [
  ['nothing', new Uint8Array(), 'timestamp.bad-request'],
  ['version 2', sequence(integer(2), imprint), 'timestamp.bad-request'],
  ['no imprint', sequence(integer(1)), 'timestamp.bad-request'],
  ['parts in another order', sequence(integer(1), imprint, boolean(true), integer(5)), 'timestamp.bad-request'],
  ['a byte after it', new Uint8Array([...sequence(integer(1), imprint), 0]), 'timestamp.bad-request'],
  ['a nonce of 65 bytes', sequence(integer(1), imprint, integer(new Uint8Array(65).fill(1))), 'timestamp.bad-request'],
  ['more than 4 KiB', new Uint8Array(4097), 'timestamp.bad-request'],
  ['SHA-1', sequence(integer(1), sha1), 'timestamp.bad-algorithm'],
  [
    'a digest too short',
    sequence(integer(1), sequence(digestIdentifier('sha256'), octetString(digest.subarray(1)))),
    'timestamp.bad-digest',
  ],
  [
    'a digest of another algorithm',
    sequence(integer(1), sequence(digestIdentifier('sha512'), octetString(digest))),
    'timestamp.bad-digest',
  ],
  ['extensions', sequence(integer(1), imprint, explicit(0, sequence())), 'timestamp.unaccepted-extension'],
]

for (const [what, der, code] of badDer) {
  test(`a request with ${what} is refused with ${code}`, () =>
    assert.throws(() => parseTimestampRequest(der), { code }))
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
}

const artifactHash = encodeBase64(digest)
const sound = { artifactHash, hashAlgorithm: 'sha256' }

test('the JSON form of Sigstore clients is read', () => {
  assert.deepEqual(parseTimestampRequestJson(json(sound)), { hash: 'sha256', digest, certReq: false })
  const all = { ...sound, certificates: true, nonce: 1234, tsaPolicyOID: '1.2.3' }
  assert.deepEqual(parseTimestampRequestJson(json(all)), {
    hash: 'sha256',
    digest,
    certReq: true,
    nonce: 1234n,
    policy: '1.2.3',
  })
})

const badJson: readonly (readonly [what: string, body: unknown, code: string])[] = [
  ['that is none', '{', 'timestamp.bad-request'],
  ['that is a list', [], 'timestamp.bad-request'],
  ['that is null', null, 'timestamp.bad-request'],
  ['with an unknown field', { ...sound, hash: 1 }, 'timestamp.bad-request'],
  ['with the same field twice', '{"artifactHash":"","artifactHash":""}', 'timestamp.bad-request'],
  ['without digest', { hashAlgorithm: 'sha256' }, 'timestamp.bad-request'],
  ['without algorithm', { artifactHash }, 'timestamp.bad-request'],
  ['with a digest that is not base64', { ...sound, artifactHash: 'A' }, 'timestamp.bad-request'],
  ['with a text for certificates', { ...sound, certificates: 'true' }, 'timestamp.bad-request'],
  ['with half a nonce', { ...sound, nonce: 0.5 }, 'timestamp.bad-request'],
  [
    'with a nonce that JSON cannot hold',
    `{"artifactHash":"${artifactHash}","hashAlgorithm":"sha256","nonce":9007199254740993}`,
    'timestamp.bad-request',
  ],
  ['with a number for the policy', { ...sound, tsaPolicyOID: 1 }, 'timestamp.bad-request'],
  ['of more than 1024 bytes', { ...sound, tsaPolicyOID: 'x'.repeat(1000) }, 'timestamp.bad-request'],
  ['with SHA-1', { ...sound, hashAlgorithm: 'sha1' }, 'timestamp.bad-algorithm'],
  ['with a name of the prototype as algorithm', { ...sound, hashAlgorithm: 'toString' }, 'timestamp.bad-algorithm'],
  ['with a digest of another algorithm', { ...sound, hashAlgorithm: 'sha512' }, 'timestamp.bad-digest'],
]

for (const [what, body, code] of badJson) {
  test(`JSON ${what} is refused with ${code}`, () =>
    assert.throws(() => parseTimestampRequestJson(json(body)), { code }))
}

test('random and changed requests end in a request or a coded error', () => {
  const bytes = writeTimestampRequest({ hash: 'sha256', digest, certReq: true, nonce: 5n, policy: '1.2.3' })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(bytes.length - 1), fc.nat(255), (random, at, value) => {
      for (const input of [random, bytes.map((byte, i) => (i === at ? value : byte))]) {
        for (const parse of [parseTimestampRequest, parseTimestampRequestJson]) {
          try {
            parse(input)
          } catch (error) {
            assert.ok(error instanceof CodedError && error.code.startsWith('timestamp.'))
          }
        }
      }
    }),
    { numRuns: 500 },
  )
})
