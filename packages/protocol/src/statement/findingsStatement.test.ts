import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStatement } from '../bundle/parseStatement.ts'
import { canonicalJson } from '../json/canonicalJson.ts'
import { type FindingsClaims, readFindingsStatement, writeFindingsStatement } from './findingsStatement.ts'

const type = 'application/vnd.in-toto+json'
const finding = {
  advisory: 'GHSA-jchw-25xp-jwwc',
  aliases: ['CVE-2023-26159'],
  component: 'pkg:npm/follow-redirects@1.15.3',
  path: ['pkg:npm/http-server@14.1.1', 'pkg:npm/follow-redirects@1.15.3'],
  severity: 'medium',
  fixed: ['1.15.4'],
}
const claims: FindingsClaims = {
  sha256: '01'.repeat(32),
  name: 'files-1.1.0.tar.gz',
  scanner: { name: 'countersign-inspector', version: '0.1.0' },
  advisories: { asOf: '2026-11-20T06:00:00Z', records: 5, sample: true, state: 3 },
  startedAt: new Date('2026-11-20T12:00:00Z'),
  finishedAt: new Date('2026-11-20T12:00:01.500Z'),
  findings: [finding],
}
const written = () => JSON.parse(new TextDecoder().decode(writeFindingsStatement(claims)))

test('findings come back as they were written; none is an empty list', () => {
  for (const them of [claims, { ...claims, findings: [] }]) {
    assert.deepEqual(readFindingsStatement(parseStatement(type, writeFindingsStatement(them))), them)
  }
})

test('the statement is vulns v0.2 as in-toto has it', () => {
  const { predicateType, predicate } = written()
  assert.equal(predicateType, 'https://in-toto.io/attestation/vulns/v0.2')
  const { scanner, metadata } = predicate
  assert.deepEqual([scanner.uri, scanner.version], ['pkg:generic/countersign-inspector', '0.1.0'])
  assert.deepEqual([scanner.db.version, scanner.db.lastUpdate], ['3', '2026-11-20T06:00:00Z'])
  assert.equal(scanner.result[0].id, finding.advisory)
  assert.deepEqual(scanner.result[0].severity, [{ method: 'urn:countersign:severity', score: 'medium' }])
  assert.deepEqual(metadata, {
    scanStartedOn: '2026-11-20T12:00:00.000Z',
    scanFinishedOn: '2026-11-20T12:00:01.500Z',
  })
})

// biome-ignore lint/suspicious/noExplicitAny: a test takes a statement apart.
type Edit = (statement: any) => void
const wrong: readonly (readonly [what: string, code: string, change: Edit])[] = [
  ['v0.1', 'predicate-unknown', (s) => (s.predicateType = 'https://in-toto.io/attestation/vulns/v0.1')],
  ['two subjects', 'subjects-wrong', (s) => s.subject.push(s.subject[0])],
  ['no scanner', 'malformed', (s) => delete s.predicate.scanner],
  ['a scanner without a URI', 'malformed', (s) => delete s.predicate.scanner.uri],
  ['a scanner with a version in its URI', 'malformed', (s) => (s.predicate.scanner.uri += '@1')],
  ['no database', 'malformed', (s) => delete s.predicate.scanner.db],
  ['no result', 'malformed', (s) => delete s.predicate.scanner.result],
  ['a result that is an object', 'malformed', (s) => (s.predicate.scanner.result = {})],
  ['10,001 findings', 'malformed', (s) => (s.predicate.scanner.result = Array(10_001).fill({}))],
  ['a finding without severity', 'malformed', (s) => (s.predicate.scanner.result[0].severity = [])],
  ['a finding with a severity as an object', 'malformed', (s) => (s.predicate.scanner.result[0].severity = {})],
  ['a finding without annotation', 'malformed', (s) => (s.predicate.scanner.result[0].annotations = [])],
  ['a path of 65 steps', 'malformed', (s) => (s.predicate.scanner.result[0].annotations[0].path = Array(65).fill('a'))],
  ['no times', 'malformed', (s) => delete s.predicate.metadata],
  ['a time that is none', 'malformed', (s) => (s.predicate.metadata.scanStartedOn = 'now')],
]
for (const [what, code, change] of wrong) {
  test(`not read: ${what}`, () => {
    const statement = written()
    change(statement)
    const parsed = parseStatement(type, canonicalJson(statement))
    assert.throws(() => readFindingsStatement(parsed), { code: `statement.${code}` })
  })
}

for (const [what, change] of Object.entries({
  'a scanner with a slash in its name': { scanner: { name: 'a/b', version: '1' } },
  'a digest that is none': { sha256: 'x' },
  'a time that is none': { startedAt: new Date(Number.NaN) },
  'a finding without an advisory': { findings: [{ ...finding, advisory: '' }] },
  '33 fixed versions': { findings: [{ ...finding, fixed: Array<string>(33).fill('1') }] },
})) {
  test(`not written: ${what}`, () => {
    assert.throws(() => writeFindingsStatement({ ...claims, ...change }), { code: 'statement.unwritable' })
  })
}

test('an error of ours comes through as it is', () => {
  const broken = { ...claims, findings: undefined } as unknown as FindingsClaims
  assert.throws(() => writeFindingsStatement(broken), TypeError)
})
