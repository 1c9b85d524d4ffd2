import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonValue } from '../json/canonicalJson.ts'
import { explainVerificationPolicy } from './explainVerificationPolicy.ts'
import { TEST_SPKI, testPolicy, testVkey } from './policyFixture.ts'
import { MAX_POLICY_BYTES } from './readPolicy.ts'
import { parseVerificationPolicy } from './verificationPolicy.ts'

type Path = readonly (string | number)[]

/** The JSON of the test policy with the value at `path` replaced, or removed where `value` is undefined. */
function changed(path: Path, value: JsonValue | undefined): string {
  const policy = JSON.parse(JSON.stringify(testPolicy()))
  const last = path.at(-1) as string
  const holder = path.slice(0, -1).reduce((at, key) => at[key], policy)
  if (value === undefined) delete holder[last]
  else holder[last] = value
  return JSON.stringify(policy)
}

test('the policy of a new instance reads back as it was written', () => {
  const policy = testPolicy()
  assert.deepEqual(parseVerificationPolicy(JSON.stringify(policy)), policy)
})

test('policy.version-newer: whatever else a newer version holds', () => {
  for (const text of ['{"v":2}', '{"v":7,"anything":[1]}', changed(['v'], 2)]) {
    assert.throws(() => parseVerificationPolicy(text), { code: 'policy.version-newer', message: /cannot tell, update/ })
  }
})

const unknownFields: readonly (readonly [Path, string])[] = [
  [['maxStalenes'], 'maxStalenes'],
  [['identities', 0, 'subjects'], 'identities[0].subjects'],
  [['identities', 0, 'subject', 'regex'], 'identities[0].subject.regex'],
  [['logs', 'artifacts', 0, 'keys'], 'logs.artifacts[0].keys'],
  [['logs', 'extra'], 'logs.extra'],
  [['revokers', 'reach', 'max'], 'revokers.reach.max'],
  [['witnesses', 'all'], 'witnesses.all'],
]
for (const [path, shown] of unknownFields) {
  test(`policy.unknown-field: names ${shown}`, () => {
    assert.throws(() => parseVerificationPolicy(changed(path, 1)), {
      code: 'policy.unknown-field',
      message: `${shown}: unknown field`,
    })
  })
}

const spki = TEST_SPKI
const artifacts = testPolicy().logs.artifacts
const revokerKey = { name: 'anna', spki, scopes: ['digest'] }
const invalid: readonly (readonly [string, Path, JsonValue | undefined, string])[] = [
  ['no version', ['v'], undefined, 'v'],
  ['version 0', ['v'], 0, 'v'],
  ['a version in text', ['v'], '1', 'v'],
  ['no environment', ['environment'], undefined, 'environment'],
  ['an unknown environment', ['environment'], 'staging', 'environment'],
  ['no identities', ['identities'], [], 'identities'],
  ['an issuer that is no URL', ['identities', 0, 'issuer'], 'issuer', 'identities[0].issuer'],
  ['two kinds of subject', ['identities', 0, 'subject'], { any: true, exact: 'a@b.c' }, 'identities[0].subject'],
  ['any: false', ['identities', 0, 'subject'], { any: false }, 'identities[0].subject.any'],
  [
    'a prefix that could match a longer name',
    ['identities', 0, 'subject'],
    { uriPrefix: 'https://github.com/acme' },
    'identities[0].subject.uriPrefix',
  ],
  ['more validators asked for than named', ['validators', 'required'], 1, 'validators'],
  ['a negative k', ['validators', 'required'], -1, 'validators.required'],
  ['half a validator', ['validators', 'required'], 0.5, 'validators.required'],
  ['the same revoker key twice', ['revokers', 'keys'], [revokerKey, { ...revokerKey, name: 'bert' }], 'revokers.keys'],
  ['a revoker without scope', ['revokers', 'keys'], [{ ...revokerKey, scopes: [] }], 'revokers.keys[0].scopes'],
  [
    'a validator that ends digests',
    ['revokers', 'keys'],
    [{ ...revokerKey, validator: { name: 'v', authority: '00'.repeat(32) } }],
    'revokers.keys',
  ],
  ['records without approvers', ['revokers', 'approvals', 'digest'], 0, 'revokers.approvals.digest'],
  ['reach above all', ['revokers', 'reach', 'maxPercentOfGroup'], 101, 'revokers.reach.maxPercentOfGroup'],
  ['no artifact log', ['logs', 'artifacts'], [], 'logs.artifacts'],
  ['the same origin twice', ['logs', 'artifacts'], [...artifacts, ...artifacts], 'logs.artifacts'],
  [
    'a log key of another name',
    ['logs', 'artifacts', 0, 'key'],
    { vkey: testVkey('else.example.org') },
    'logs.artifacts[0]',
  ],
  ['a log without key', ['logs', 'artifacts', 0, 'key'], {}, 'logs.artifacts[0].key'],
  [
    'a final size with a leading zero',
    ['logs', 'audit', 0, 'closed'],
    { size: '01', root: `${'A'.repeat(43)}=` },
    'logs.audit[0].closed.size',
  ],
  ['a final size without root', ['logs', 'audit', 0, 'closed'], { size: '1' }, 'logs.audit[0].closed.root'],
  ['a larger quorum than witnesses', ['witnesses', 'quorum'], 2, 'witnesses'],
  ['quorum 0', ['witnesses', 'quorum'], 0, 'witnesses.quorum'],
  ['no witness', ['witnesses', 'of'], [], 'witnesses.of'],
  ['an unknown effect', ['onRevoked'], 'ignore', 'onRevoked'],
  ['a duration without unit', ['maxStaleness'], '30', 'maxStaleness'],
  ['a negative duration', ['maxOffline'], '-1d', 'maxOffline'],
  ['null for absent', ['silence', 'groups'], null, 'silence.groups'],
]
for (const [what, path, value, shown] of invalid) {
  test(`policy.invalid: ${what}`, () => {
    assert.throws(() => parseVerificationPolicy(changed(path, value)), {
      code: 'policy.invalid',
      detail: { path: shown },
    })
  })
}

test('policy.invalid: what is no JSON document, or a too large one', () => {
  for (const text of ['', '{', '[]', 'null', '{"v":1,"v":1}', ' '.repeat(MAX_POLICY_BYTES + 1)]) {
    assert.throws(() => parseVerificationPolicy(text), { code: 'policy.invalid' })
  }
})

test('policy.development-anchors: a production policy refuses them, a development policy takes both kinds', () => {
  const anchors = [
    { rootSha256: '11'.repeat(32), environment: 'production' },
    { rootSha256: '22'.repeat(32), environment: 'development' },
  ] as const
  assert.throws(() => parseVerificationPolicy(JSON.stringify(testPolicy({ anchors }))), {
    code: 'policy.development-anchors',
    message: /anchors\[1\]/,
  })
  parseVerificationPolicy(JSON.stringify(testPolicy({ anchors, environment: 'development' })))
})

test('any JSON at all is refused with a code of this folder or read', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.throws(() => parseVerificationPolicy(text), { code: /^policy\./ })
    }),
  )
})

test('explain says who signs, that nothing is certified, and that the logs are unwitnessed', () => {
  const sentences = explainVerificationPolicy(testPolicy())
  assert.ok(sentences.includes('Everyone whom https://sign.example.org/oidc signs in may sign any artifact.'))
  assert.ok(sentences.some((one) => one.startsWith('No certification is asked for')))
  assert.ok(sentences.some((one) => one.includes('unwitnessed')))
  assert.ok(sentences.includes('After 30 days without such word running code stops.'))
  for (const one of sentences) assert.match(one, /^[^a-z ].*[.]$|^Key|^[a-z].*\.$/)
})
