import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { readDer } from '../der/readDer.ts'
import {
  explicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  set,
  sortedMembers,
  tagged,
  utf8String,
} from '../der/writeDer.ts'
import { CodedError } from '../errors/codedError.ts'
import { makeTestKey, makeTestRoot, signTestCertificate, TEST_TIME, testDay } from '../x509/authorityFixture.ts'
import { extendedKeyUsage, keyUsage } from '../x509/extensions.ts'
import { algorithmIdentifier } from '../x509/signatureAlgorithm.ts'
import { digestIdentifier } from './digestAlgorithm.ts'
import { makeTestRequest, makeTestTimestampAuthority, stampForTest, TEST_POLICY } from './timestampFixture.ts'
import { type TimestampAuthority, verifyTimestamp } from './verifyTimestamp.ts'

const authority = makeTestTimestampAuthority()
const stranger = makeTestTimestampAuthority()
const over = new TextEncoder().encode('signature')
const sound = stampForTest(authority, over)

test('what a timestamp proves is returned', () => {
  const serial = new Uint8Array(20).fill(0x80)
  const request = makeTestRequest(over, { nonce: 5n })
  const verified = verifyTimestamp(stampForTest(authority, over, { serial, request }), over, [stranger, authority])
  assert.deepEqual(verified, {
    time: TEST_TIME,
    authority: authority.certificate,
    policy: TEST_POLICY,
    serialHex: '80'.repeat(20),
    nonce: 5n,
  })
})

test('the window of an authority is inclusive at both ends', () => {
  const { chain } = authority
  for (const window of [
    { validFrom: TEST_TIME },
    { validUntil: TEST_TIME },
    { validFrom: TEST_TIME, validUntil: TEST_TIME },
  ]) {
    assert.ok(verifyTimestamp(sound, over, [{ chain, ...window }]))
  }
})

test('an authority that is listed with two windows counts in both', () => {
  const { chain } = authority
  const windows = [
    { chain, validUntil: testDay(-1) },
    { chain, validFrom: testDay(-1) },
  ]
  assert.ok(verifyTimestamp(sound, over, windows))
})

test('the first and last second of the certificate count', () => {
  const { notBefore, notAfter } = authority.certificate
  for (const genTime of [notBefore, notAfter]) {
    assert.ok(verifyTimestamp(stampForTest(authority, over, { genTime }), over, [authority]))
  }
})

/** Parts of a token, each replaceable, so that a token can be wrong in exactly one way and still be signed. */
interface TokenParts {
  readonly info?: Uint8Array
  readonly status?: Uint8Array
  readonly contentInfoType?: string
  readonly version?: Uint8Array
  readonly contentType?: string
  readonly attributes?: (sound: Uint8Array[]) => Uint8Array[]
  readonly unsorted?: boolean
  readonly signerVersion?: Uint8Array
  readonly digestAlgorithm?: Uint8Array
  readonly announced?: Uint8Array
  readonly signatureAlgorithm?: Uint8Array
  readonly signers?: (signer: Uint8Array) => Uint8Array[]
  readonly unsigned?: Uint8Array[]
  readonly extra?: Uint8Array[]
}

const INFO = '1.2.840.113549.1.9.16.1.4'
const soundInfo = readDer(sound).children[1]?.children[1]?.children[0]?.children[2]?.children[1]?.children[0]
  ?.content as Uint8Array

/** TSTInfo with some of its parts replaced by position. */
function infoWith(replacements: Readonly<Record<number, Uint8Array>>, ...extra: Uint8Array[]): Uint8Array {
  const parts = readDer(soundInfo).children.map(({ raw }, i) => replacements[i] ?? raw)
  return sequence(...parts, ...extra)
}

function attribute(type: string, ...values: Uint8Array[]): Uint8Array {
  return sequence(oid(type), set(...values))
}

function certificateId(...parts: Uint8Array[]): Uint8Array {
  return attribute('1.2.840.113549.1.9.16.2.47', sequence(sequence(sequence(...parts))))
}

const certificateDigest = hash('sha256', authority.certificate.raw, 'buffer')

function token(parts: TokenParts): Uint8Array {
  const info = parts.info ?? soundInfo
  const change = parts.attributes ?? ((attributes) => attributes)
  const attributes = change([
    attribute('1.2.840.113549.1.9.3', oid(INFO)),
    attribute('1.2.840.113549.1.9.4', octetString(hash('sha256', info, 'buffer'))),
    certificateId(octetString(certificateDigest)),
  ])
  const ordered = parts.unsorted ? attributes.toReversed() : sortedMembers(attributes)
  const { issuer, serial } = authority.certificate
  const signer = sequence(
    parts.signerVersion ?? integer(1),
    sequence(issuer, integer(serial)),
    parts.digestAlgorithm ?? digestIdentifier('sha256'),
    tagged(0xa0, ...ordered),
    parts.signatureAlgorithm ?? algorithmIdentifier('ecdsa-sha256'),
    octetString(authority.key.sign(tagged(0x31, ...ordered))),
    ...(parts.unsigned ?? []),
  )
  const signers = parts.signers?.(signer) ?? [signer]
  const content = sequence(oid(parts.contentType ?? INFO), explicit(0, octetString(info)))
  const signedData = sequence(
    parts.version ?? integer(3),
    set(parts.announced ?? digestIdentifier('sha256')),
    content,
    set(...signers),
  )
  const contentInfo = sequence(oid(parts.contentInfoType ?? '1.2.840.113549.1.7.2'), explicit(0, signedData))
  return sequence(sequence(parts.status ?? integer(0)), contentInfo, ...(parts.extra ?? []))
}

const sha1Digest = hash('sha1', authority.certificate.raw, 'buffer')
const good: readonly (readonly [what: string, parts: TokenParts])[] = [
  ['nothing replaced', {}],
  ['an attribute of another kind', { attributes: (all) => [...all, attribute('1.2.3', integer(1))] }],
  ['unsigned attributes', { unsigned: [tagged(0xa1, attribute('1.2.3', integer(1)))] }],
  ['a serial number of 0', { info: infoWith({ 3: integer(0) }) }],
  ['a fraction of a second', { info: infoWith({ 4: tagged(0x18, new TextEncoder().encode('20261120120000.5Z')) }) }],
  [
    'an extension that is not critical',
    { info: infoWith({}, tagged(0xa1, sequence(oid('1.2.3'), octetString(nullValue())))) },
  ],
  [
    'a certificate digest by SHA-512',
    {
      attributes: ([a = nullValue(), b = nullValue()]) => [
        a,
        b,
        certificateId(digestIdentifier('sha512'), octetString(hash('sha512', authority.certificate.raw, 'buffer'))),
      ],
    },
  ],
]

for (const [what, parts] of good) {
  test(`a token with ${what} verifies`, () => assert.ok(verifyTimestamp(token(parts), over, [authority])))
}

const malformed: readonly (readonly [what: string, parts: TokenParts])[] = [
  ['something after the token', { extra: [nullValue()] }],
  ['another type of container', { contentInfoType: '1.2.840.113549.1.7.1' }],
  ['another version of CMS', { version: integer(1) }],
  ['another type of content', { contentType: '1.2.840.113549.1.7.1' }],
  ['no signer', { signers: () => [] }],
  ['two signers', { signers: (signer) => [signer, signer] }],
  ['a signer named otherwise', { signerVersion: integer(3) }],
  ['a digest that is not announced', { announced: digestIdentifier('sha512') }],
  ['the digest SHA-1', { digestAlgorithm: sequence(oid('1.3.14.3.2.26')) }],
  ['an unknown signature algorithm', { signatureAlgorithm: sequence(oid('1.2.840.10045.4.1')) }],
  ['signed attributes out of order', { unsorted: true }],
  ['no message digest', { attributes: (all) => all.filter((_, i) => i !== 1) }],
  ['no content type attribute', { attributes: (all) => all.slice(1) }],
  ['no signing certificate', { attributes: (all) => all.slice(0, 2) }],
  ['an attribute twice', { attributes: (all) => [...all, attribute('1.2.840.113549.1.9.4', octetString(over))] }],
  [
    'an attribute with two values',
    { attributes: (all) => [...all.slice(0, 2), attribute('1.2.840.113549.1.9.16.2.47', integer(1), integer(2))] },
  ],
  [
    'a certificate digest by SHA-1',
    {
      attributes: (all) => [...all.slice(0, 2), certificateId(sequence(oid('1.3.14.3.2.26')), octetString(sha1Digest))],
    },
  ],
  ['another version of TSTInfo', { info: infoWith({ 0: integer(2) }) }],
  [
    'an imprint by SHA-1',
    { info: infoWith({ 2: sequence(sequence(oid('1.3.14.3.2.26')), octetString(new Uint8Array(20))) }) },
  ],
  [
    'an imprint of the wrong length',
    { info: infoWith({ 2: sequence(digestIdentifier('sha256'), octetString(new Uint8Array(31))) }) },
  ],
  ['a time without seconds', { info: infoWith({ 4: tagged(0x18, new TextEncoder().encode('202611201200Z')) }) }],
  ['a time of another type', { info: infoWith({ 4: utf8String('20261120120000Z') }) }],
  [
    'a critical extension',
    { info: infoWith({}, tagged(0xa1, sequence(oid('1.2.3'), Uint8Array.of(1, 1, 255), octetString(nullValue())))) },
  ],
  ['something after TSTInfo', { info: infoWith({}, nullValue()) }],
]

for (const [what, parts] of malformed) {
  test(`a token with ${what} is malformed`, () => {
    assert.throws(() => verifyTimestamp(token(parts), over, [authority]), { code: 'timestamp.malformed' })
  })
}

const otherRoot = makeTestRoot('other')
const renewed = makeTestTimestampAuthority({ serial: authority.certificate.serial })
const foreignChain = { chain: [authority.certificate, stranger.chain[1], stranger.chain[2]] } as TimestampAuthority
const forgedTwin = makeTestTimestampAuthority({
  issuer: authority.certificate.issuer,
  serial: authority.certificate.serial,
})
const codeKey = makeTestKey()
const codeLeaf = signTestCertificate(
  { spki: codeKey.spki, extensions: [keyUsage(['digitalSignature']), extendedKeyUsage(['codeSigning'])] },
  otherRoot,
)
const codeAuthority = { certificate: codeLeaf, key: codeKey, chain: [codeLeaf, otherRoot.certificate] }

const bad: readonly (readonly [what: string, verify: () => unknown, code: string])[] = [
  ['cut off', () => verifyTimestamp(sound.subarray(0, -1), over, [authority]), 'timestamp.malformed'],
  ['that is empty', () => verifyTimestamp(new Uint8Array(), over, [authority]), 'timestamp.malformed'],
  [
    'larger than 64 KiB',
    () => verifyTimestamp(new Uint8Array((64 << 10) + 1), over, [authority]),
    'timestamp.malformed',
  ],
  ['that was refused', () => verifyTimestamp(token({ status: integer(2) }), over, [authority]), 'timestamp.refused'],
  [
    'that was granted with modifications',
    () => verifyTimestamp(token({ status: integer(1) }), over, [authority]),
    'timestamp.refused',
  ],
  [
    'by an authority that is not trusted',
    () => verifyTimestamp(stampForTest(stranger, over), over, [authority]),
    'timestamp.unknown-authority',
  ],
  [
    'with the certificates of an authority that is not trusted',
    () =>
      verifyTimestamp(stampForTest(stranger, over, { request: makeTestRequest(over, { certReq: true }) }), over, [
        authority,
      ]),
    'timestamp.unknown-authority',
  ],
  ['where none is trusted', () => verifyTimestamp(sound, over, []), 'timestamp.unknown-authority'],
  [
    'where an authority without certificates is trusted',
    () => verifyTimestamp(sound, over, [{ chain: [] }]),
    'timestamp.unknown-authority',
  ],
  [
    'that names only the serial number of a trusted one',
    () =>
      verifyTimestamp(sound, over, [{ chain: [{ ...renewed.certificate, issuer: otherRoot.certificate.subject }] }]),
    'timestamp.unknown-authority',
  ],
  [
    'by another key under the same issuer and serial number',
    () => verifyTimestamp(stampForTest(forgedTwin, over), over, [authority]),
    'timestamp.signature-wrong',
  ],
  [
    'with another message digest',
    () =>
      verifyTimestamp(
        token({
          attributes: ([a = nullValue(), , c = nullValue()]) => [
            a,
            attribute('1.2.840.113549.1.9.4', octetString(certificateDigest)),
            c,
          ],
        }),
        over,
        [authority],
      ),
    'timestamp.signature-wrong',
  ],
  [
    'with another signed content type',
    () =>
      verifyTimestamp(
        token({
          attributes: ([, b = nullValue(), c = nullValue()]) => [attribute('1.2.840.113549.1.9.3', oid('1.2.3')), b, c],
        }),
        over,
        [authority],
      ),
    'timestamp.signature-wrong',
  ],
  [
    'that names another certificate',
    () =>
      verifyTimestamp(
        token({
          attributes: ([a = nullValue(), b = nullValue()]) => [a, b, certificateId(octetString(new Uint8Array(32)))],
        }),
        over,
        [authority],
      ),
    'timestamp.signature-wrong',
  ],
  [
    'that says another signature algorithm',
    () => verifyTimestamp(token({ signatureAlgorithm: algorithmIdentifier('ecdsa-sha384') }), over, [authority]),
    'timestamp.signature-wrong',
  ],
  [
    'that says an RSA signature',
    () =>
      verifyTimestamp(token({ signatureAlgorithm: sequence(oid('1.2.840.113549.1.1.1'), nullValue()) }), over, [
        authority,
      ]),
    'timestamp.signature-wrong',
  ],
  ['over other bytes', () => verifyTimestamp(sound, new Uint8Array(), [authority]), 'timestamp.wrong-imprint'],
  [
    'before the window of the authority',
    () => verifyTimestamp(sound, over, [{ ...authority, validFrom: new Date(TEST_TIME.getTime() + 1) }]),
    'timestamp.outside-validity',
  ],
  [
    'after the window of the authority',
    () => verifyTimestamp(sound, over, [{ ...authority, validUntil: new Date(TEST_TIME.getTime() - 1) }]),
    'timestamp.outside-validity',
  ],
  [
    'where the window is no date',
    () => verifyTimestamp(sound, over, [{ ...authority, validFrom: new Date(Number.NaN) }]),
    'timestamp.outside-validity',
  ],
  [
    'before the certificate',
    () => verifyTimestamp(stampForTest(authority, over, { genTime: testDay(-2) }), over, [authority]),
    'timestamp.chain-wrong',
  ],
  [
    'after the certificate',
    () => verifyTimestamp(stampForTest(authority, over, { genTime: testDay(366) }), over, [authority]),
    'timestamp.chain-wrong',
  ],
  [
    'where the certificates do not form a chain',
    () => verifyTimestamp(sound, over, [foreignChain]),
    'timestamp.chain-wrong',
  ],
  [
    'where only the leaf is listed',
    () => verifyTimestamp(sound, over, [{ chain: [authority.certificate] }]),
    'timestamp.chain-wrong',
  ],
  [
    'by a certificate for code',
    () => verifyTimestamp(stampForTest(codeAuthority, over), over, [codeAuthority]),
    'timestamp.chain-wrong',
  ],
]

for (const [what, verify, code] of bad) {
  test(`a timestamp ${what} is refused with ${code}`, () => assert.throws(verify, { code }))
}

test('the reason of a wrong chain is kept', () => {
  const late = stampForTest(authority, over, { genTime: testDay(366) })
  assert.throws(
    () => verifyTimestamp(late, over, [authority]),
    (error: Error) => error.cause instanceof CodedError && error.cause.code === 'x509.expired',
  )
})

test('a timestamp with any byte changed ends in a coded error of its own', () => {
  fc.assert(
    fc.property(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
      const changed = sound.map((byte, i) => (i === at ? byte ^ difference : byte))
      assert.throws(
        () => verifyTimestamp(changed, over, [authority]),
        (error) => error instanceof CodedError && error.code.startsWith('timestamp.'),
      )
    }),
    { numRuns: 1500 },
  )
})
