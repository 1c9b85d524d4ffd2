import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VerifiedBundle } from '../bundle/verifyBundle.ts'
import type { RevocationRecord } from '../revocation/record.ts'
import { endingsOf } from './endingsOf.ts'
import type { LoggedRevocation, VerifiedCertification } from './facts.ts'
import { endedNumbers, loggedRecord, TEST_AUTHORITY, testRevoker } from './revokerFixture.ts'

const sha256 = 'bb'.repeat(32)
const day = (number: number) => new Date(Date.UTC(2026, 0, number))
const issuedAt = day(60)
const issuer = 'https://sign.example.org/validators'
const artifacts = 'sign.example.org'
const anna = { issuer: 'https://sign.example.org/oidc', subject: 'anna@example.org' }

// Only what decides: everything else of a certification or a bundle is the business of those who verify it.
const certification = {
  authority: TEST_AUTHORITY,
  number: 5n,
  validator: { issuer, subject: `${issuer}/lab` },
  serialHex: '0a05',
  signedAt: day(10),
  entry: { origin: artifacts, index: 40n },
} as VerifiedCertification
const signature = {
  authority: { keyId: 'dd'.repeat(32) },
  certificate: { serialHex: '0b01' },
  identity: anna,
  signedAt: day(9),
  entry: { origin: artifacts, index: 39n },
} as unknown as VerifiedBundle
const subject = { sha256, signature, certifications: [certification] }

const why = { reason: 'why', issuedAt }
const since = { from: day(20), logs: [{ origin: artifacts, size: 100n }], ...why }
const byDigest = (upTo: bigint): RevocationRecord => ({
  scope: 'digest',
  effect: 'ended',
  digest: sha256,
  authority: TEST_AUTHORITY,
  upTo,
  ...why,
})
const blocked: RevocationRecord = { scope: 'digest', effect: 'blocked', digest: sha256, ...why }
const ofIdentity = (more: object = {}) =>
  ({ scope: 'identity', effect: 'distrusted', identity: anna, ...since, ...more }) as RevocationRecord
const ofCertificate = (more: object = {}) =>
  ({
    scope: 'certificate',
    effect: 'distrusted',
    authority: 'dd'.repeat(32),
    certificate: '0b01',
    ...since,
    ...more,
  }) as RevocationRecord

/** What ended, each in one word: which certification, or what of the artifact. */
function ended(records: readonly LoggedRevocation[], of = subject): string[] {
  return endingsOf(records, of).map(({ covers, certification: one }) => (one ? `${covers} ${one.number}` : covers))
}
const log = (...records: readonly RevocationRecord[]) => records.map((one, at) => loggedRecord(one, BigInt(at)))

const table: readonly (readonly [string, readonly RevocationRecord[], readonly string[]])[] = [
  ['no record', [], []],
  ['its number', [endedNumbers([1n, 5n, 9n])], ['certification 5']],
  ['other numbers', [endedNumbers([1n, 4n, 6n])], []],
  ['its number of another authority', [endedNumbers([5n], { authority: 'ee'.repeat(32) } as object)], []],
  ['its digest up to its number', [byDigest(5n)], ['certification 5', 'artifact']],
  ['its digest up to a lower number', [byDigest(4n)], ['artifact']],
  ['another digest', [{ ...byDigest(9n), digest: 'cc'.repeat(32) } as RevocationRecord], []],
  ['malware', [blocked], ['certification 5', 'artifact']],
  ['the identity, signed before', [ofIdentity()], []],
  ['the identity, signed after', [ofIdentity({ from: day(9) })], ['identity']],
  [
    'the identity, logged after: a stolen timestamp key cannot backdate',
    [ofIdentity({ logs: [{ origin: artifacts, size: 39n }] })],
    ['identity'],
  ],
  ['the identity, logged elsewhere', [ofIdentity({ logs: [{ origin: 'else', size: 100n }] })], ['identity']],
  ['another identity', [ofIdentity({ from: day(1), identity: { ...anna, subject: 'bert@example.org' } })], []],
  [
    'the same name of another issuer',
    [ofIdentity({ from: day(1), identity: { ...anna, issuer: 'https://else' } })],
    [],
  ],
  ['the validator', [ofIdentity({ from: day(10), identity: certification.validator })], ['certification 5']],
  ['the certificate, signed before', [ofCertificate()], []],
  ['the certificate, signed after', [ofCertificate({ from: day(9) })], ['certificate']],
  ['its serial number under another authority', [ofCertificate({ from: day(1), authority: TEST_AUTHORITY })], []],
  [
    'the certificate of the certification',
    [ofCertificate({ from: day(1), authority: TEST_AUTHORITY, certificate: '0a05' })],
    ['certification 5'],
  ],
]
for (const [what, records, expected] of table) {
  test(`${expected.join(' and ') || 'nothing'} ended by a record about ${what}`, () => {
    assert.deepEqual(ended(log(...records)), expected)
  })
}

/** A record and one that amends it. */
function amended(first: RevocationRecord, second: object): LoggedRevocation[] {
  const logged = loggedRecord(first, 0n)
  return [logged, loggedRecord({ ...why, ...second, amends: logged.authorised.leafHash } as RevocationRecord, 1n)]
}

const amendments: readonly (readonly [string, RevocationRecord, object, readonly string[]])[] = [
  ['lifted', endedNumbers([5n]), { scope: 'certifications', effect: 'lifted' }, []],
  [
    'lifted by a record of another scope',
    endedNumbers([5n]),
    { scope: 'digest', effect: 'lifted' },
    ['certification 5'],
  ],
  ['narrowed to others', endedNumbers([4n, 5n]), { ...endedNumbers([4n]), effect: 'narrowed' }, []],
  ['narrowed to it', endedNumbers([4n, 5n]), { ...endedNumbers([5n]), effect: 'narrowed' }, ['certification 5']],
  ['"narrowed" to more than it covers', endedNumbers([4n]), { ...endedNumbers([4n, 5n]), effect: 'narrowed' }, []],
  ['no longer malware but ended up to a number', blocked, { ...byDigest(4n), effect: 'narrowed' }, ['artifact']],
  ['distrusted from a later date', ofIdentity({ from: day(5) }), { ...ofIdentity(), effect: 'narrowed' }, []],
]
for (const [what, first, second, expected] of amendments) {
  test(`a record that is ${what} ends ${expected.join(' and ') || 'nothing'}, in any order`, () => {
    const records = amended(first, second)
    assert.deepEqual(ended(records), expected)
    assert.deepEqual(ended(records.toReversed()), expected)
  })
}

test('a lifted record that is logged again with other signatures stays lifted', () => {
  const again = testRevoker('anna', ['certifications', 'digest', 'certificate', 'identity'])
  const records = [...amended(endedNumbers([5n]), { scope: 'certifications', effect: 'lifted' })]
  const replayed = loggedRecord(endedNumbers([5n]), 2n, again)
  assert.notEqual(replayed.authorised.leafHash, records[0]?.authorised.leafHash)
  assert.deepEqual(ended([...records, replayed]), [])
  assert.deepEqual(ended([...records, loggedRecord(endedNumbers([5n], { reason: 'again' }), 3n)]), ['certification 5'])
})

test("a validator's own record ends nothing of another validator under the same authority", () => {
  const record = loggedRecord(endedNumbers([5n]))
  const by = (validator: string) => [{ ...record, authorised: { ...record.authorised, validator } }]
  assert.deepEqual(ended(by('lab')), ['certification 5'])
  assert.deepEqual(ended(by('other')), [])
  assert.deepEqual(ended(by('validators/lab')), [])
})

test('an ending says which record, why, since when and what replaces it', () => {
  const record = endedNumbers([5n], { replacement: 'files 1.2.0', action: 'stop' })
  const [ending] = endingsOf([loggedRecord(record, 12n)], subject)
  assert.deepEqual(ending, {
    covers: 'certification',
    certification: { authority: TEST_AUTHORITY, number: 5n },
    effect: 'ended',
    record: { number: 12n, origin: 'log.example.org/development/revocations', by: ['anna'] },
    issuedAt: record.issuedAt,
    reason: 'follow-redirects before 1.15.4',
    advisories: ['GHSA-jchw-25xp-jwwc'],
    severity: 'medium',
    action: 'stop',
    replacement: 'files 1.2.0',
  })
})

test('an artifact that was ended is good again with a certification that stands, one that is malware is not', () => {
  assert.deepEqual(
    [byDigest(4n), blocked].map(
      (one) => endingsOf(log(one), subject).find(({ covers }) => covers === 'artifact')?.unlessCertified,
    ),
    [true, false],
  )
})

test('a number is found among many records, whether they end few numbers or thousands', () => {
  const few = Array.from({ length: 200 }, (_, at) => loggedRecord(endedNumbers([BigInt(1000 + at)]), BigInt(at)))
  assert.deepEqual(ended(few), [])
  assert.deepEqual(ended([...few, loggedRecord(endedNumbers([3n, 5n]), 200n)]), ['certification 5'])
  const wide = (first: bigint) => endedNumbers(Array.from({ length: 5000 }, (_, at) => first + BigInt(at)))
  assert.deepEqual(ended([...few, loggedRecord(wide(6n), 200n)]), [])
  assert.deepEqual(ended([...few, loggedRecord(wide(5n), 200n)]), ['certification 5'])
  const elsewhere = endedNumbers([5n], { authority: 'ee'.repeat(32) } as Partial<RevocationRecord>)
  assert.deepEqual(ended([loggedRecord(elsewhere)]), [])
})
