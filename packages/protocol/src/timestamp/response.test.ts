import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { type DerNode, readDer } from '../der/readDer.ts'
import { generalizedTime, integer, nullValue, octetString, oid, sequence, utcTime } from '../der/writeDer.ts'
import { CodedError } from '../errors/codedError.ts'
import { makeTestKey, TEST_TIME } from '../x509/authorityFixture.ts'
import { timestampErrors } from './errors.ts'
import { parseTimestampRequest, writeTimestampRequest } from './request.ts'
import { refuseTimestamp, TIMESTAMP_FAILURES, type TimestampFailure, timestampFailure } from './response.ts'
import { makeTestRequest, makeTestTimestampAuthority, stampForTest } from './timestampFixture.ts'
import { verifyTimestamp } from './verifyTimestamp.ts'

const authority = makeTestTimestampAuthority()
const over = new TextEncoder().encode('signature')

/** Follows positions down the tree. */
function at(node: DerNode, ...path: number[]): DerNode {
  return path.reduce((inner, position) => {
    const child = inner.children[position]
    assert.ok(child)
    return child
  }, node)
}

function signedDataOf(response: Uint8Array): DerNode {
  return at(readDer(response), 1, 1, 0)
}

test('the token is laid out as Sigstore timestamp authorities lay it out', () => {
  const response = stampForTest(authority, over, { request: makeTestRequest(over, { nonce: 99n }) })
  const signedData = signedDataOf(response)
  assert.deepEqual(at(readDer(response), 0).raw, sequence(integer(0)))
  assert.deepEqual(at(readDer(response), 1, 0).raw, oid('1.2.840.113549.1.7.2'))
  assert.deepEqual(
    signedData.children.map(({ tag }) => tag),
    [0x02, 0x31, 0x30, 0x31],
  )
  assert.deepEqual(at(signedData, 0).raw, integer(3))
  const info = readDer(at(signedData, 2, 1, 0).content)
  assert.deepEqual(
    info.children.map(({ tag }) => tag),
    [0x02, 0x06, 0x30, 0x02, 0x18, 0x30, 0x02, 0xa0],
  )
  assert.deepEqual(at(info, 4).raw, generalizedTime(TEST_TIME))
  assert.deepEqual(at(info, 5).raw, sequence(integer(1)))
  assert.deepEqual(at(info, 6).raw, integer(99))
  assert.deepEqual(at(info, 7, 0, 0).raw, authority.certificate.subject)
  const signer = at(signedData, 3, 0)
  assert.deepEqual(at(signer, 0).raw, integer(1))
  assert.deepEqual(at(signer, 1).raw, sequence(authority.certificate.issuer, integer(authority.certificate.serial)))
})

test('content type, signing time, message digest and signing certificate are signed, in the order of DER', () => {
  const signedData = signedDataOf(stampForTest(authority, over))
  const attributes = at(signedData, 3, 0, 3).children
  const oids = ['1.2.840.113549.1.9.3', '1.2.840.113549.1.9.5', '1.2.840.113549.1.9.4', '1.2.840.113549.1.9.16.2.47']
  assert.deepEqual(
    attributes.map((attribute) => at(attribute, 0).raw),
    oids.map(oid),
  )
  const [, signingTime, messageDigest, certificate] = attributes.map((attribute) => at(attribute, 1, 0))
  assert.deepEqual(signingTime?.raw, utcTime(TEST_TIME))
  const info = at(signedData, 2, 1, 0).content
  assert.deepEqual(messageDigest?.raw, octetString(hash('sha256', info, 'buffer')))
  const digest = octetString(hash('sha256', authority.certificate.raw, 'buffer'))
  assert.deepEqual(at(certificate as DerNode, 0, 0, 0).raw, digest)
  assert.deepEqual(at(certificate as DerNode, 0, 0, 1, 1).raw, integer(authority.certificate.serial))
})

test('certificates are there when asked for, without the root', () => {
  const request = makeTestRequest(over, { certReq: true })
  const certificates = at(signedDataOf(stampForTest(authority, over, { request })), 3)
  assert.equal(certificates.tag, 0xa0)
  const expected = authority.chain.slice(0, 2).map(({ raw }) => raw.toHex())
  assert.deepEqual(new Set(certificates.children.map(({ raw }) => raw.toHex())), new Set(expected))
  assert.equal(certificates.children.length, 2)
})

test('the imprint of the request is repeated byte for byte', () => {
  const algorithm = sequence(oid('2.16.840.1.101.3.4.2.1'), nullValue())
  const imprint = sequence(algorithm, octetString(hash('sha256', over, 'buffer')))
  const request = parseTimestampRequest(sequence(integer(1), imprint))
  const info = readDer(at(signedDataOf(stampForTest(authority, over, { request })), 2, 1, 0).content)
  assert.deepEqual(at(info, 2).raw, imprint)
})

for (const algorithm of ['ecdsa-sha256', 'ecdsa-sha384', 'ecdsa-sha512', 'rsa-sha256', 'ed25519'] as const) {
  test(`a timestamp signed with ${algorithm} verifies`, () => {
    const key = makeTestKey(algorithm)
    const other = makeTestTimestampAuthority({ spki: key.spki }, key)
    assert.equal(verifyTimestamp(stampForTest(other, over), over, [other]).time.getTime(), TEST_TIME.getTime())
  })
}

test('any request is answered with a timestamp that verifies', () => {
  const bytes = fc.uint8Array()
  const hashes = fc.constantFrom('sha256' as const, 'sha384' as const, 'sha512' as const)
  const nonces = fc.option(fc.bigInt(-(1n << 70n), 1n << 70n), { nil: undefined })
  fc.assert(
    fc.property(
      bytes,
      hashes,
      nonces,
      fc.boolean(),
      fc.integer({ min: -1e9, max: 1e9 }),
      (content, hash, nonce, certReq, shift) => {
        const asked = makeTestRequest(content, { hash, certReq, ...(nonce === undefined ? {} : { nonce }) })
        const request = parseTimestampRequest(writeTimestampRequest(asked))
        const genTime = new Date(TEST_TIME.getTime() + (shift % 80_000_000))
        const verified = verifyTimestamp(stampForTest(authority, content, { request, genTime }), content, [authority])
        assert.equal(verified.nonce, nonce)
        assert.equal(verified.time.getTime(), Math.floor(genTime.getTime() / 1000) * 1000)
      },
    ),
    { numRuns: 50 },
  )
})

test('a request for another policy is refused', () => {
  const request = makeTestRequest(over, { policy: '1.2.3' })
  assert.throws(() => stampForTest(authority, over, { request }), { code: 'timestamp.unaccepted-policy' })
  assert.ok(stampForTest(authority, over, { request, policy: '1.2.3' }))
})

// PKIFailureInfo as BIT STRING without trailing zero bits (RFC 3161, 2.4.2; X.690, 11.2.2).
const refusals: Readonly<Record<TimestampFailure, string>> = {
  badAlg: '3009300702010203020780',
  badRequest: '3009300702010203020520',
  badDataFormat: '3009300702010203020204',
  timeNotAvailable: '300a30080201020303010002',
  unacceptedPolicy: '300a30080201020303000001',
  unacceptedExtension: '300b3009020102030407000080',
  addInfoNotAvailable: '300b3009020102030406000040',
  systemFailure: '300c300a02010203050600000040',
}

for (const [failure, hex] of Object.entries(refusals)) {
  test(`a refusal for ${failure} is written as RFC 3161 numbers it`, () => {
    const response = refuseTimestamp(failure as TimestampFailure)
    assert.equal(response.toHex(), hex)
    assert.throws(() => verifyTimestamp(response, over, [authority]), { code: 'timestamp.refused' })
  })
}

test('every code about a request has its own failure, all others are the system', () => {
  const failures = Object.keys(timestampErrors).map((code) => timestampFailure(new CodedError(code, '')))
  const own = failures.filter((failure) => failure !== 'systemFailure')
  assert.deepEqual(own, ['badRequest', 'badAlg', 'badDataFormat', 'unacceptedPolicy', 'unacceptedExtension'])
  assert.equal(timestampFailure(new CodedError('other.code', '')), 'systemFailure')
  assert.ok(own.every((failure) => failure in TIMESTAMP_FAILURES))
})
