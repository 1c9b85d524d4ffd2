import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStatement } from '../bundle/parseStatement.ts'
import { canonicalJson } from '../json/canonicalJson.ts'
import {
  type CertificationClaims,
  readCertificationStatement,
  writeCertificationStatement,
} from './certificationStatement.ts'

const type = 'application/vnd.in-toto+json'
const hex = (byte: string) => byte.repeat(32)
const claims: CertificationClaims = {
  sha256: hex('01'),
  name: 'files-1.1.0.tar.gz',
  product: 'files',
  version: '1.1.0',
  validator: 'https://sign.example.com/validators/embedded',
  verifiedAt: new Date('2026-11-20T12:00:00.123Z'),
  policy: { uri: 'https://sign.example.com/policies/default', sha256: hex('02') },
  signature: hex('03'),
  sbom: hex('04'),
  findings: hex('05'),
  advisories: { asOf: '2026-11-20T06:00:00Z', records: 5, sample: false, state: 3 },
  components: 12,
  accepted: {
    findings: [{ advisory: 'GHSA-1', component: 'pkg:npm/a@1.0.0', reason: 'not reachable' }],
    gaps: [{ code: 'gap.native-addon', path: '', reason: 'built by us' }],
  },
  scanner: { name: 'countersign-inspector', version: '0.1.0' },
  replaces: '1.0.0',
}

const written = (them: CertificationClaims = claims) =>
  JSON.parse(new TextDecoder().decode(writeCertificationStatement(them)))

test('claims come back as they were written, with and without what may be absent', () => {
  const { replaces, ...required } = claims
  for (const them of [claims, required, { ...claims, accepted: { findings: [], gaps: [] } }]) {
    assert.deepEqual(readCertificationStatement(parseStatement(type, writeCertificationStatement(them))), them)
  }
})

test('the bytes are canonical JSON, the same for the same claims', () => {
  assert.deepEqual(writeCertificationStatement(claims), canonicalJson(written()))
  assert.deepEqual(writeCertificationStatement({ ...claims }), writeCertificationStatement(claims))
})

test('the statement is a verification summary as SLSA has it', () => {
  const statement = written()
  assert.equal(statement._type, 'https://in-toto.io/Statement/v1')
  assert.equal(statement.predicateType, 'https://slsa.dev/verification_summary/v1')
  assert.deepEqual(statement.subject, [{ name: claims.name, digest: { sha256: claims.sha256 } }])
  const uri = `https://sign.example.com/api/v1/artifacts/${claims.sha256}/certifications`
  const { verifier, timeVerified, resourceUri, policy, inputAttestations, ...rest } = statement.predicate
  assert.deepEqual(verifier, { id: claims.validator, version: { 'countersign-inspector': '0.1.0' } })
  assert.equal(timeVerified, '2026-11-20T12:00:00.123Z')
  assert.equal(resourceUri, 'pkg:generic/files@1.1.0')
  assert.deepEqual(policy, { uri: claims.policy.uri, digest: { sha256: claims.policy.sha256 } })
  assert.deepEqual(inputAttestations, [
    { name: 'signature', uri, digest: { sha256: claims.signature } },
    { name: 'sbom', uri, digest: { sha256: claims.sbom } },
    { name: 'findings', uri, digest: { sha256: claims.findings } },
  ])
  assert.equal(rest.verificationResult, 'PASSED')
  assert.deepEqual(rest.verifiedLevels, ['SLSA_BUILD_LEVEL_UNEVALUATED'])
  const own = Object.keys(rest).filter(
    (name) => !['verificationResult', 'verifiedLevels', 'slsaVersion'].includes(name),
  )
  // VSA v1: extension fields have URIs as names.
  for (const name of own) assert.ok(URL.canParse(name), name)
})

test('what later versions of VSA may add is ignored', () => {
  const statement = written()
  statement.predicate.later = 1
  statement.predicate.verifier.later = 1
  statement.predicate.inputAttestations.push({ name: 'later', digest: { sha512: '' } })
  assert.deepEqual(readCertificationStatement(parseStatement(type, canonicalJson(statement))), claims)
})

// biome-ignore lint/suspicious/noExplicitAny: a test takes a statement apart.
type Edit = (statement: any) => void
const wrong: readonly (readonly [what: string, code: string, change: Edit])[] = [
  ['another predicate', 'predicate-unknown', (s) => (s.predicateType = 'https://slsa.dev/verification_summary/v0.2')],
  ['two subjects', 'subjects-wrong', (s) => s.subject.push(s.subject[0])],
  ['a predicate that is a list', 'malformed', (s) => (s.predicate = [])],
  ['no predicate', 'malformed', (s) => delete s.predicate],
  ['no result', 'not-passed', (s) => delete s.predicate.verificationResult],
  ['a result in lower case', 'not-passed', (s) => (s.predicate.verificationResult = 'passed')],
  ['no resource', 'malformed', (s) => delete s.predicate.resourceUri],
  ['a resource with qualifiers', 'resource-uri', (s) => (s.predicate.resourceUri += '?arch=x')],
  ['a version with a slash', 'resource-uri', (s) => (s.predicate.resourceUri = 'pkg:generic/files@1/2')],
  ['two versions', 'resource-uri', (s) => (s.predicate.resourceUri += '@2')],
  ['no verifier', 'malformed', (s) => delete s.predicate.verifier],
  ['a verifier that is no validator', 'validator-wrong', (s) => (s.predicate.verifier.id = 'https://sign.example.com')],
  ['a verifier of two programs', 'malformed', (s) => (s.predicate.verifier.version.b = '1')],
  ['a verifier without a program', 'malformed', (s) => (s.predicate.verifier.version = {})],
  ['no time', 'malformed', (s) => delete s.predicate.timeVerified],
  ['a time with an offset', 'malformed', (s) => (s.predicate.timeVerified = '2026-11-20T12:00:00+01:00')],
  ['a time that is not in the calendar', 'malformed', (s) => (s.predicate.timeVerified = '2026-02-30T12:00:00Z')],
  ['no policy', 'malformed', (s) => delete s.predicate.policy],
  ['a policy without a digest', 'malformed', (s) => delete s.predicate.policy.digest],
  ['no inputs', 'malformed', (s) => delete s.predicate.inputAttestations],
  ['an input missing', 'malformed', (s) => s.predicate.inputAttestations.pop()],
  ['an input twice', 'malformed', (s) => s.predicate.inputAttestations.push(s.predicate.inputAttestations[0])],
  ['17 inputs', 'malformed', (s) => s.predicate.inputAttestations.push(...Array(14).fill({ name: 'x' }))],
  ['an input without SHA-256', 'malformed', (s) => (s.predicate.inputAttestations[0].digest = { sha512: 'x' })],
  ['no advisories', 'malformed', (s) => delete s.predicate['urn:countersign:advisories']],
  ['advisories without a date', 'malformed', (s) => delete s.predicate['urn:countersign:advisories'].asOf],
  ['sample that is null', 'malformed', (s) => (s.predicate['urn:countersign:advisories'].sample = null)],
  ['an unknown field of ours', 'malformed', (s) => (s.predicate['urn:countersign:advisories'].later = 1)],
  ['components below zero', 'malformed', (s) => (s.predicate['urn:countersign:components'] = -1)],
  ['components as a text', 'malformed', (s) => (s.predicate['urn:countersign:components'] = '12')],
  ['nothing about what was accepted', 'malformed', (s) => delete s.predicate['urn:countersign:accepted']],
  ['accepted gaps missing', 'malformed', (s) => delete s.predicate['urn:countersign:accepted'].gaps],
  ['an acceptance without a reason', 'malformed', (s) => (s.predicate['urn:countersign:accepted'].gaps[0].reason = '')],
  ['an acceptance with more', 'malformed', (s) => (s.predicate['urn:countersign:accepted'].findings[0].x = 1)],
  ['10,001 accepted gaps', 'malformed', (s) => (s.predicate['urn:countersign:accepted'].gaps = Array(10_001).fill({}))],
  ['a replacement that is null', 'malformed', (s) => (s.predicate['urn:countersign:replaces'] = null)],
  ['a subject without a name', 'malformed', (s) => delete s.subject[0].name],
]

for (const [what, code, change] of wrong) {
  test(`not read: ${what}`, () => {
    const statement = written()
    change(statement)
    const parsed = parseStatement(type, canonicalJson(statement))
    assert.throws(() => readCertificationStatement(parsed), { code: `statement.${code}` })
  })
}

const unwritable: Readonly<Record<string, Partial<CertificationClaims>>> = {
  'a digest in upper case': { sha256: hex('AB') },
  'a digest that is too short': { signature: 'ab' },
  'a product with a slash': { product: 'a/b' },
  'a version of spaces': { version: ' ' },
  'a validator that is a name alone': { validator: 'embedded' },
  'a time that is none': { verifiedAt: new Date(Number.NaN) },
  'half a character': { name: '\ud800' },
  'a fraction of a component': { components: 0.5 },
  'no name': { name: '' },
  'a reason of 1025 characters': {
    accepted: { findings: [], gaps: [{ code: 'gap.x', path: 'a', reason: 'x'.repeat(1025) }] },
  },
}
for (const [what, change] of Object.entries(unwritable)) {
  test(`not written: ${what}`, () => {
    assert.throws(() => writeCertificationStatement({ ...claims, ...change }), { code: 'statement.unwritable' })
  })
}

test('an error of ours comes through as it is', () => {
  const broken = { ...claims, scanner: undefined } as unknown as CertificationClaims
  assert.throws(() => writeCertificationStatement(broken), TypeError)
})
