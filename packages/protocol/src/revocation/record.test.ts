import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, type JsonValue } from '../json/canonicalJson.ts'
import { type RevocationRecord, readRecord, writeRecord } from './record.ts'

const authority = 'aa'.repeat(32)
const digest = 'bb'.repeat(32)
const amends = 'cc'.repeat(32)
const issuedAt = new Date('2026-03-01T00:00:00Z')
const from = new Date('2026-02-01T00:00:00Z')
const logs = [{ origin: 'log.example.org', size: 17n }]
const identity = { issuer: 'https://sign.example.org/oidc', subject: 'anna@example.org' }
const common = {
  advisories: ['GHSA-jchw-25xp-jwwc', 'CVE-2023-26159'],
  severity: 'high',
  action: 'goBack',
  replacement: 'files 1.2.0',
  reason: 'follow-redirects before 1.15.4',
  issuedAt,
} as const
const reason = 'why'
const records: readonly RevocationRecord[] = [
  { scope: 'certifications', effect: 'ended', authority, numbers: [1n, 2n, 500n], ...common },
  { scope: 'certifications', effect: 'narrowed', amends, authority, numbers: [2n], reason, issuedAt },
  { scope: 'certifications', effect: 'lifted', amends, reason, issuedAt },
  { scope: 'digest', effect: 'ended', digest, authority, upTo: 0n, reason, issuedAt },
  { scope: 'digest', effect: 'blocked', digest, reason, issuedAt },
  { scope: 'digest', effect: 'narrowed', amends, digest, authority, upTo: 9n, reason, issuedAt },
  { scope: 'certificate', effect: 'distrusted', authority, certificate: '0a1b', from, logs, reason, issuedAt },
  { scope: 'identity', effect: 'distrusted', identity, from, logs, reason, issuedAt },
  { scope: 'identity', effect: 'narrowed', amends, identity, from: issuedAt, logs, reason, issuedAt },
]
for (const record of records) {
  test(`a record that is ${record.effect} at ${record.scope} reads back as it was written`, () => {
    assert.deepEqual(readRecord(writeRecord(record)), record)
  })
}

const [ended, , , byDigest, , , , byIdentity] = records as [
  RevocationRecord,
  RevocationRecord,
  RevocationRecord,
  RevocationRecord,
  RevocationRecord,
  RevocationRecord,
  RevocationRecord,
  RevocationRecord,
]

function changed(record: RevocationRecord, changes: Record<string, JsonValue | undefined>): Uint8Array {
  const json = { ...JSON.parse(Buffer.from(writeRecord(record)).toString()), ...changes }
  return canonicalJson(JSON.parse(JSON.stringify(json)))
}

const unknown: readonly (readonly [string, Record<string, JsonValue | undefined>])[] = [
  ['a later version, whatever else it holds', { v: 2, scope: 7, numbers: 'x' }],
  ['no version', { v: undefined }],
  ['another scope', { scope: 'galaxy' }],
  ['a scope that every object has', { scope: 'toString' }],
  ['another effect', { effect: 'paused' }],
  ['a field of its own', { devices: ['front'] }],
]
for (const [what, changes] of unknown) {
  test(`revocation.record-unknown: ${what}`, () => {
    assert.throws(() => readRecord(changed(ended, changes)), { code: 'revocation.record-unknown' })
  })
}

const malformed: readonly (readonly [string, RevocationRecord, Record<string, JsonValue | undefined>])[] = [
  ['kinds of ending mixed: blocked certifications', ended, { effect: 'blocked' }],
  ['kinds of ending mixed: an ended identity', byIdentity, { effect: 'ended' }],
  ['kinds of ending mixed: a distrusted digest', byDigest, { effect: 'distrusted' }],
  ['a field of another scope', ended, { digest }],
  ['blocked up to a number', byDigest, { effect: 'blocked' }],
  ['an end that amends', ended, { amends }],
  ['a narrowing that amends nothing', ended, { effect: 'narrowed' }],
  ['lifted with numbers', ended, { effect: 'lifted', amends }],
  ['null for absent', ended, { severity: null }],
  ['no numbers', ended, { numbers: undefined }],
  ['numbers that are not base64', ended, { numbers: '*' }],
  ['numbers in text', ended, { numbers: [1, 2] }],
  ['an authority that is no key id', ended, { authority: 'AA'.repeat(32) }],
  ['no reason', ended, { reason: undefined }],
  ['a long reason', ended, { reason: 'x'.repeat(513) }],
  ['control characters in the reason', ended, { reason: 'a\u001b[2J' }],
  ['a severity that is none', ended, { severity: 'awful' }],
  ['advice that is none', ended, { action: 'pray' }],
  ['no advisory where they are listed', ended, { advisories: [] }],
  ['too many advisories', ended, { advisories: Array.from({ length: 33 }, (_, at) => `CVE-${at}`) }],
  ['the same advisory twice', ended, { advisories: ['CVE-1', 'CVE-1'] }],
  ['an advisory with spaces', ended, { advisories: ['CVE 1'] }],
  ['a long replacement', ended, { replacement: 'x'.repeat(257) }],
  ['a time that is none', ended, { issuedAt: '2026-13-01T00:00:00Z' }],
  ['a day that no month has', ended, { issuedAt: '2026-02-31T00:00:00Z' }],
  ['milliseconds', ended, { issuedAt: '2026-03-01T00:00:00.000Z' }],
  ['a date in the future of the record', byIdentity, { from: '2026-03-01T00:00:01Z' }],
  ['no log', byIdentity, { logs: [] }],
  ['the same log twice', byIdentity, { logs: [...logs, ...logs].map((one) => ({ ...one, size: '1' })) }],
  ['a log size in a number', byIdentity, { logs: [{ origin: 'a', size: 1 }] }],
  ['a log with more fields', byIdentity, { logs: [{ origin: 'a', size: '1', root: 'x' }] }],
  ['an identity without issuer', byIdentity, { identity: { subject: 'a@example.org' } }],
  ['a negative number to end up to', byDigest, { upTo: '-1' }],
  ['a number beyond 2^63 to end up to', byDigest, { upTo: '9223372036854775808' }],
]
for (const [what, record, changes] of malformed) {
  test(`revocation.record-malformed: ${what}`, () => {
    assert.throws(() => readRecord(changed(record, changes)), { code: 'revocation.record-malformed' })
  })
}

test('revocation.record-malformed: JSON in another form, or none', () => {
  const text = Buffer.from(writeRecord(ended)).toString()
  for (const other of [
    ` ${text}`,
    text.replace('{', '{ '),
    '{}x',
    '[]',
    'null',
    '',
    text.replace('"v":1', '"v":1,"v":1'),
  ]) {
    assert.throws(() => readRecord(Buffer.from(other)), { code: /^revocation\.record-(malformed|unknown)$/ })
  }
})

test('revocation.record-malformed: what could not be read back is not written', () => {
  assert.throws(() => writeRecord({ ...ended, reason: '' } as RevocationRecord), {
    code: 'revocation.record-malformed',
  })
  const never = { ...ended, issuedAt: new Date(Number.NaN) } as RevocationRecord
  assert.throws(() => writeRecord(never), { code: 'revocation.record-malformed' })
})

test('any JSON at all is refused with a code of this folder', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.throws(() => readRecord(Buffer.from(text)), { code: /^revocation\./ })
    }),
  )
})
