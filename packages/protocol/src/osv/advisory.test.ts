import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '../json/canonicalJson.ts'
import { compareTimes, readAdvisory } from './advisory.ts'
import { cvss3BaseScore } from './cvss3.ts'

const RECORD = { id: 'GHSA-a', modified: '2024-01-02T03:04:05.123456Z' }
const PACKAGE = { ecosystem: 'npm', name: 'left' }

function withRange(range: JsonValue): JsonValue {
  return { ...RECORD, affected: [{ package: PACKAGE, ranges: [range] }] }
}

test('a record is read with what decides, and unknown fields do not matter', () => {
  const read = readAdvisory({
    ...RECORD,
    schema_version: '1.7.5',
    aliases: ['CVE-2', 'CVE-1', ' not an id'],
    summary: 'x'.repeat(1000),
    database_specific: { severity: 'MODERATE' },
    affected: [{ package: PACKAGE, versions: ['1.0.0'] }, { ranges: [] }],
    new_field: 1,
  })
  assert.deepEqual(read.aliases, ['CVE-1', 'CVE-2'])
  assert.equal(read.severity, 'medium')
  assert.equal(read.summary.length, 256)
  assert.equal(read.affected.length, 1)
})

test('what decides is read strictly', () => {
  for (const [what, json] of Object.entries<JsonValue>({
    'no object': [],
    'no id': { modified: RECORD.modified },
    'a path as id': { ...RECORD, id: '../x' },
    'no time': { id: 'x' },
    'a time elsewhere': { ...RECORD, modified: '2024-01-02T03:04:05+01:00' },
    'a day that is none': { ...RECORD, withdrawn: '2024-02-30T00:00:00Z' },
    'a package without name': { ...RECORD, affected: [{ package: { ecosystem: 'npm' } }] },
    'an unknown range': withRange({ type: 'OTHER', events: [{ introduced: '0' }] }),
    'no events': withRange({ type: 'SEMVER', events: [] }),
    'no beginning': withRange({ type: 'SEMVER', events: [{ fixed: '1.0.0' }] }),
    'two kinds in one event': withRange({ type: 'SEMVER', events: [{ introduced: '0', fixed: '1' }] }),
    'a number as version': withRange({ type: 'SEMVER', events: [{ introduced: 0 }] }),
  })) {
    assert.throws(() => readAdvisory(json), { code: 'osv.malformed' }, what)
  }
  assert.throws(() => readAdvisory({ ...RECORD, schema_version: '2.0.0' }), { code: 'osv.version-unknown' })
})

test('times compare to the nanosecond, however many digits they have', () => {
  assert.ok(compareTimes('2024-01-02T03:04:05Z', '2024-01-02T03:04:05.000000001Z') < 0)
  assert.equal(compareTimes('2024-01-02T03:04:05Z', '2024-01-02T03:04:05.000Z'), 0)
  assert.ok(compareTimes('2024-01-02T03:04:06Z', '2024-01-02T03:04:05.9Z') > 0)
})

test('CVSS 3 base scores are those of the specification’s examples', () => {
  for (const [vector, score] of [
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N', 6.1],
    ['CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N', 6.4],
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', 9.8],
    ['CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:N', 0],
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H', undefined],
    ['CVSS:4.0/AV:N/AC:L', undefined],
  ] as const) {
    assert.equal(cvss3BaseScore(vector), score, vector)
  }
})
