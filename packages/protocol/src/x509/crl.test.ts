import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { boolean, explicit, integer, nullValue, oid, sequence, tagged, time } from '../der/writeDer.ts'
import { CodedError } from '../errors/codedError.ts'
import {
  makeTestIssuer,
  makeTestKey,
  makeTestRoot,
  signTestCertificate,
  TEST_TIME,
  type TestAuthority,
  testDay,
} from './authorityFixture.ts'
import {
  assembleCrl,
  CRL_REASONS,
  type CrlReason,
  parseCrl,
  type TbsCertList,
  verifyCrl,
  writeTbsCertList,
} from './crl.ts'
import { basicConstraints, keyUsage, writeExtensions } from './extensions.ts'
import { writeName } from './name.ts'
import { algorithmIdentifier } from './signatureAlgorithm.ts'

const root = makeTestRoot('root')
const issuer = makeTestIssuer(root, 'codeSigning')
const sound: TbsCertList = {
  issuer: issuer.certificate.subject,
  thisUpdate: TEST_TIME,
  nextUpdate: testDay(7),
  number: 1_763_640_000_000_000_000n,
  entries: [
    { serial: Uint8Array.of(1), revocationDate: testDay(-2), invalidityDate: testDay(-2), reason: 'keyCompromise' },
    { serial: Uint8Array.of(0xff, 0), revocationDate: testDay(-1) },
  ],
  distributionPointUrl: 'http://sign.example.com/crl/a/7.crl',
  authorityKeyId: issuer.certificate.subjectKeyId as Uint8Array,
  signatureAlgorithm: 'ecdsa-sha256',
}

function seal(tbs: Uint8Array, authority: TestAuthority = issuer): Uint8Array {
  return assembleCrl(tbs, authority.key.signatureAlgorithm, authority.key.sign(tbs))
}

test('a list is read back whole and verified', () => {
  const crl = parseCrl(seal(writeTbsCertList(sound)))
  verifyCrl(crl, issuer.certificate)
  const { issuer: name, thisUpdate, nextUpdate, number, entries, distributionPointUrl, authorityKeyId, scope } = crl
  const { signatureAlgorithm, ...written } = sound
  const read = { issuer: name, thisUpdate, nextUpdate, number, entries, distributionPointUrl, authorityKeyId }
  assert.deepEqual(read, written)
  assert.equal(crl.signatureAlgorithm, signatureAlgorithm)
  assert.equal(scope, 'leaves')
})

test('a list without entries leaves them out', () => {
  const tbs = writeTbsCertList({ ...sound, entries: [] })
  assert.deepEqual(parseCrl(seal(tbs)).entries, [])
  assert.ok(tbs.length < writeTbsCertList(sound).length)
})

test('a list of authorities says so', () => {
  assert.equal(parseCrl(seal(writeTbsCertList({ ...sound, scope: 'authorities' }))).scope, 'authorities')
})

test('any entries are read back; unspecified is written as no reason', () => {
  const reasons = fc.constantFrom(undefined, ...(Object.keys(CRL_REASONS) as CrlReason[]))
  const days = fc.integer({ min: -9000, max: 9000 })
  const serials = fc.uint8Array({ minLength: 1, maxLength: 20 }).filter(([first]) => first !== 0)
  fc.assert(
    fc.property(fc.array(fc.tuple(serials, days, fc.option(days), reasons), { maxLength: 20 }), (rows) => {
      const entries = rows.map(([serial, revoked, invalid, reason]) => ({
        serial,
        revocationDate: testDay(revoked),
        ...(invalid === null ? {} : { invalidityDate: testDay(invalid) }),
        ...(reason === undefined ? {} : { reason }),
      }))
      const read = parseCrl(
        assembleCrl(writeTbsCertList({ ...sound, entries }), 'ecdsa-sha256', new Uint8Array(8)),
      ).entries
      const expected = entries.map(({ reason, ...entry }) => ({
        ...entry,
        ...(reason === undefined || reason === 'unspecified' ? {} : { reason }),
      }))
      assert.deepEqual(read, expected)
    }),
    { numRuns: 50 },
  )
})

/** A list with these extensions instead of sound ones, and these entries. */
function listWith(extensions: Parameters<typeof writeExtensions>[0], ...entries: Uint8Array[]): Uint8Array {
  return listOf(
    integer(1),
    algorithmIdentifier('ecdsa-sha256'),
    sound.issuer,
    time(TEST_TIME),
    time(testDay(1)),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    explicit(0, writeExtensions(extensions)),
  )
}

function listOf(...parts: Uint8Array[]): Uint8Array {
  return seal(sequence(...parts))
}

const NUMBER = { oid: '2.5.29.20', critical: false, value: integer(1) }

function distributionPoint(...parts: Uint8Array[]) {
  return { oid: '2.5.29.28', critical: true, value: sequence(...parts) }
}

function entry(...extensions: Parameters<typeof writeExtensions>[0]): Uint8Array {
  return sequence(integer(1), time(TEST_TIME), writeExtensions(extensions))
}

function flag(tag: number): Uint8Array {
  return tagged(tag, Uint8Array.of(0xff))
}

test('lists of other writers without distribution point are read', () => {
  const crl = parseCrl(listWith([NUMBER]))
  assert.deepEqual([crl.scope, crl.distributionPointUrl, crl.authorityKeyId], [undefined, undefined, undefined])
})

const head = [algorithmIdentifier('ecdsa-sha256'), sound.issuer, time(TEST_TIME), time(testDay(1))]
const tail = explicit(0, writeExtensions([NUMBER]))
const unknown = { oid: '1.2.3', critical: true, value: nullValue() }
const bad: readonly (readonly [what: string, make: () => Uint8Array, code: string])[] = [
  ['of version 1', () => listOf(integer(0), ...head, tail), 'x509.crl-malformed'],
  [
    'with two different algorithms',
    () => listOf(integer(1), algorithmIdentifier('ed25519'), ...head.slice(1), tail),
    'x509.crl-malformed',
  ],
  ['without next update', () => listOf(integer(1), ...head.slice(0, -1), tail), 'x509.crl-malformed'],
  ['without number', () => listWith([distributionPoint(flag(0x81))]), 'x509.crl-malformed'],
  ['with a negative number', () => listWith([{ ...NUMBER, value: integer(-1) }]), 'x509.crl-malformed'],
  ['with something after its extensions', () => listOf(integer(1), ...head, tail, nullValue()), 'x509.crl-malformed'],
  [
    'of some reasons only',
    () => listWith([NUMBER, distributionPoint(tagged(0x83, Uint8Array.of(7, 0x80)))]),
    'x509.crl-malformed',
  ],
  ['that is indirect', () => listWith([NUMBER, distributionPoint(flag(0x84))]), 'x509.crl-malformed'],
  ['that covers nothing', () => listWith([NUMBER, distributionPoint(flag(0x81), flag(0x82))]), 'x509.crl-malformed'],
  [
    'with a reason that does not exist',
    () => listWith([NUMBER], entry({ oid: '2.5.29.21', critical: false, value: tagged(0x0a, Uint8Array.of(7)) })),
    'x509.crl-malformed',
  ],
  [
    'with an entry for serial number 0',
    () => listWith([NUMBER], sequence(integer(0), time(TEST_TIME))),
    'x509.crl-malformed',
  ],
  [
    'that is a delta',
    () => listWith([NUMBER, { oid: '2.5.29.27', critical: true, value: integer(1) }]),
    'x509.critical-extension',
  ],
  [
    'with an unknown critical extension on an entry',
    () => listWith([NUMBER], entry(unknown)),
    'x509.critical-extension',
  ],
  [
    'that says it is signed with SHA-1',
    () => sequence(writeTbsCertList(sound), sequence(oid('1.2.840.10045.4.1')), Uint8Array.of(3, 1, 0)),
    'x509.algorithm-unsupported',
  ],
  ['that is empty', () => new Uint8Array(), 'x509.crl-malformed'],
  ['that is something else', () => boolean(true), 'x509.crl-malformed'],
]

for (const [what, make, code] of bad) {
  test(`a list ${what} is refused with ${code}`, () => assert.throws(() => parseCrl(make()), { code }))
}

test('a list by another authority, key or a changed one is refused', () => {
  const tbs = writeTbsCertList(sound)
  const crl = parseCrl(seal(tbs))
  assert.throws(() => verifyCrl(crl, root.certificate), { code: 'x509.crl-wrong-issuer' })
  const twin = makeTestIssuer(root, 'codeSigning')
  assert.throws(() => verifyCrl(crl, twin.certificate), { code: 'x509.crl-signature-wrong' })
  const changed = parseCrl(assembleCrl(writeTbsCertList({ ...sound, entries: [] }), 'ecdsa-sha256', crl.signature))
  assert.throws(() => verifyCrl(changed, issuer.certificate), { code: 'x509.crl-signature-wrong' })
})

test('a list by an authority that may not make lists is refused', () => {
  const key = makeTestKey()
  const subject = writeName({ commonName: 'no lists' })
  const extensions = [basicConstraints({ ca: true }), keyUsage(['keyCertSign'])]
  const authority = { key, certificate: signTestCertificate({ subject, spki: key.spki, extensions }, root) }
  const crl = parseCrl(seal(writeTbsCertList({ ...sound, issuer: subject }), authority))
  assert.throws(() => verifyCrl(crl, authority.certificate), { code: 'x509.crl-wrong-issuer' })
})

test('a changed list ends in a list or a coded error, and never verifies', () => {
  const bytes = seal(writeTbsCertList(sound))
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
      const changed = bytes.map((byte, i) => (i === at ? byte ^ difference : byte))
      assert.throws(
        () => verifyCrl(parseCrl(changed), issuer.certificate),
        (error) => error instanceof CodedError && error.code.startsWith('x509.'),
      )
    }),
    { numRuns: 500 },
  )
})
