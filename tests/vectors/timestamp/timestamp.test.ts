import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseTimestampRequest } from '@countersign/protocol/timestamp/request.ts'
import { type TimestampAuthority, verifyTimestamp } from '@countersign/protocol/timestamp/verifyTimestamp.ts'
import { parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'

type Name = 'ec-sha256' | 'ec-sha384' | 'rsa-sha512' | 'refused'

// Written by openssl; see makeVectors.ts.
const documents = JSON.parse(readFileSync(new URL('documents.json', import.meta.url), 'utf8')) as Record<string, string>
const over = new TextEncoder().encode('stamped bytes\n')

/** A document, with one run of bytes that occurs in it replaced by another of the same length. */
function document(name: `${Name}.${'tsq' | 'tsr'}`, from = '', to = ''): Uint8Array {
  const hex = Uint8Array.fromBase64(documents[name] as string).toHex()
  assert.ok(from.length === to.length && hex.includes(from), `${name} holds ${from}`)
  return Uint8Array.fromHex(hex.replace(from, to))
}

function authority(leaf: 'ec' | 'rsa'): TimestampAuthority {
  return { chain: [leaf, 'root'].flatMap((name) => parsePemCertificates(documents[`${name}.pem`] as string)) }
}

const authorities = [authority('ec'), authority('rsa')]
const answers = [
  ['ec-sha256', 'sha256', true, true],
  ['ec-sha384', 'sha384', false, false],
  ['rsa-sha512', 'sha512', true, true],
] as const

for (const [name, hash, certReq, hasNonce] of answers) {
  test(`the request and answer ${name} are read, and the answer verifies`, () => {
    const request = parseTimestampRequest(document(`${name}.tsq`))
    assert.deepEqual([request.hash, request.certReq, request.nonce !== undefined], [hash, certReq, hasNonce])
    const verified = verifyTimestamp(document(`${name}.tsr`), over, authorities)
    assert.equal(verified.policy, '1.2.3.4')
    assert.equal(verified.nonce, request.nonce)
    assert.equal(verified.authority.subjectText, name.startsWith('ec') ? 'CN=ec' : 'CN=rsa')
    assert.equal(verified.time.getUTCMilliseconds(), 0)
  })
}

const OID_SHA256 = '608648016503040201'
const OID_SHA384 = '608648016503040202'
// With the tag of the OCTET STRING that follows it in SignerInfo and nowhere else.
const OID_ECDSA = '2a8648ce3d0403'
const OID_INFO = '2a864886f70d0109100104'
const text = (value: string) => new TextEncoder().encode(value).toHex()
const granted = (from: string, to: string) => () =>
  verifyTimestamp(document('ec-sha256.tsr', from, to), over, authorities)

const bad: readonly (readonly [what: string, read: () => unknown, code: string])[] = [
  ['a request with SHA-1', () => parseTimestampRequest(document('refused.tsq')), 'timestamp.bad-algorithm'],
  [
    'a request that says SHA-384 over 32 bytes',
    () => parseTimestampRequest(document('ec-sha256.tsq', OID_SHA256, OID_SHA384)),
    'timestamp.bad-digest',
  ],
  [
    'a request of version 2',
    () => parseTimestampRequest(document('ec-sha256.tsq', '020101', '020102')),
    'timestamp.bad-request',
  ],
  ['an answer as request', () => parseTimestampRequest(document('ec-sha256.tsr')), 'timestamp.bad-request'],
  ['a refusal', () => verifyTimestamp(document('refused.tsr'), over, authorities), 'timestamp.refused'],
  [
    'an answer over other bytes',
    () => verifyTimestamp(document('ec-sha256.tsr'), over.subarray(1), authorities),
    'timestamp.wrong-imprint',
  ],
  [
    'an answer of an authority that is not trusted',
    () => verifyTimestamp(document('rsa-sha512.tsr'), over, [authority('ec')]),
    'timestamp.unknown-authority',
  ],
  ['another policy', granted('2a0304', '2a0305'), 'timestamp.signature-wrong'],
  [
    'another signed content type',
    granted(`060b${OID_INFO}301c`, `060b${OID_INFO.slice(0, -2)}05301c`),
    'timestamp.signature-wrong',
  ],
  ['another type of content', granted(OID_INFO, `${OID_INFO.slice(0, -2)}05`), 'timestamp.malformed'],
  ['another version', granted('020103', '020104'), 'timestamp.malformed'],
  ['another announced digest', granted(OID_SHA256, OID_SHA384), 'timestamp.malformed'],
  ['another signature algorithm', granted(`${OID_ECDSA}0204`, `${OID_ECDSA}0304`), 'timestamp.signature-wrong'],
  [
    'a root that is another one',
    () =>
      verifyTimestamp(document('ec-sha256.tsr'), over, [
        { chain: [...authority('ec').chain.slice(0, 1), ...authority('rsa').chain.slice(0, 1)] },
      ]),
    'timestamp.chain-wrong',
  ],
  [
    'a window that had ended',
    () =>
      verifyTimestamp(document('ec-sha256.tsr'), over, [
        { ...authority('ec'), validUntil: new Date('2026-01-01T00:00:00Z') },
      ]),
    'timestamp.outside-validity',
  ],
  [
    'a name of the signer that is another one',
    granted(`${text('Root')}0214`, `${text('Boot')}0214`),
    'timestamp.unknown-authority',
  ],
]

for (const [what, read, code] of bad) {
  test(`refuse with ${code}: ${what}`, () => assert.throws(read, { code }))
}
