import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonValue } from '../json/canonicalJson.ts'
import { defaultCertificationPolicy, parseCertificationPolicy, UNACCEPTABLE_GAPS } from './certificationPolicy.ts'
import { explainCertificationPolicy } from './explainCertificationPolicy.ts'
import { testPolicy } from './policyFixture.ts'
import { MAX_POLICY_BYTES, policyKind } from './readPolicy.ts'

const gap = {
  code: 'gap.unattributed-code',
  product: 'files',
  path: 'vendor/**',
  reason: 'read',
  expires: '2027-01-31',
}
const author = { author: 'sec@example.org', products: ['files'] }
const statement = {
  author: author.author,
  product: 'files',
  advisory: 'CVE-2023-26159',
  component: 'pkg:npm/follow-redirects@1.15.3',
  justification: 'vulnerable_code_not_in_execute_path',
}
const full = {
  ...defaultCertificationPolicy(),
  acceptedGaps: [gap],
  exceptions: { authors: [author], statements: [statement, { ...statement, expires: '2027-01-31' }] },
}
const changed = (changes: Record<string, unknown>) => JSON.stringify({ ...full, ...changes })

test('a policy reads back as it was written', () => {
  for (const policy of [full, defaultCertificationPolicy()]) {
    assert.deepEqual(parseCertificationPolicy(JSON.stringify(policy)), policy)
  }
})

test('a file says itself which kind of policy it is', () => {
  assert.equal(policyKind(full as unknown as JsonValue), 'certification')
  assert.equal(policyKind(testPolicy() as unknown as JsonValue), 'verification')
  for (const json of [null, [], 1, 'certification']) assert.equal(policyKind(json), 'verification')
})

test('policy.version-newer: whatever else a newer version holds', () => {
  for (const text of ['{"v":2}', changed({ v: 9 })]) {
    assert.throws(() => parseCertificationPolicy(text), {
      code: 'policy.version-newer',
      message: /cannot tell, update/,
    })
  }
})

test('policy.unknown-field: names it', () => {
  assert.throws(() => parseCertificationPolicy(changed({ validityYears: 1 })), {
    code: 'policy.unknown-field',
    message: 'validityYears: unknown field',
  })
})

const [gaps, exceptions] = [
  (more: object) => ({ acceptedGaps: [{ ...gap, ...more }] }),
  (more: object) => ({ exceptions: { ...full.exceptions, ...more } }),
]
const invalid: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ['no kind', { kind: undefined }, 'kind'],
  ['another kind', { kind: 'verification' }, 'kind'],
  ['no time to live', { validityDays: 0 }, 'validityDays'],
  ['longer than certificates live', { validityDays: 401 }, 'validityDays'],
  ['a duration without unit', { maxAdvisoryAge: '7' }, 'maxAdvisoryAge'],
  ['a severity left out', { findings: { ...full.findings, high: undefined } }, 'findings.high'],
  ['a threshold that is none', { findings: { ...full.findings, low: 'ignore' } }, 'findings.low'],
  ['evidence that is none', { requiredEvidence: 'hearsay' }, 'requiredEvidence'],
  ['a gap without an end', gaps({ expires: undefined }), 'acceptedGaps[0].expires'],
  ['a day that no month has', gaps({ expires: '2027-02-29' }), 'acceptedGaps[0].expires'],
  ['a gap without a reason', gaps({ reason: '' }), 'acceptedGaps[0].reason'],
  ['a path with an expression', gaps({ path: 'vendor/*.js' }), 'acceptedGaps[0].path'],
  ['an exception by someone who may not', exceptions({ authors: [] }), 'exceptions'],
  [
    'an exception without justification',
    exceptions({ statements: [{ ...statement, justification: 'trust me' }] }),
    'exceptions.statements[0].justification',
  ],
  [
    'an author for no product',
    exceptions({ authors: [{ ...author, products: [] }] }),
    'exceptions.authors[0].products',
  ],
  ['nothing may end', { maxEndedByOneChange: 0 }, 'maxEndedByOneChange'],
  ...[...UNACCEPTABLE_GAPS].map((code) => [`${code} accepted`, gaps({ code }), 'acceptedGaps[0].code'] as const),
]
for (const [what, changes, path] of invalid) {
  test(`policy.invalid: ${what}`, () => {
    assert.throws(() => parseCertificationPolicy(changed(changes)), { code: 'policy.invalid', detail: { path } })
  })
}

test('policy.invalid: what is no JSON document, or a too large one', () => {
  for (const text of ['', '{', '[]', 'null', '{"v":1,"v":1}', ' '.repeat(MAX_POLICY_BYTES + 1)]) {
    assert.throws(() => parseCertificationPolicy(text), { code: 'policy.invalid' })
  }
})

test('any JSON at all is refused with a code of this folder or read', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.throws(() => parseCertificationPolicy(text), { code: /^policy\./ })
    }),
  )
})

test('explain says what is certified in sentences, the exceptions included', () => {
  const sentences = explainCertificationPolicy(parseCertificationPolicy(JSON.stringify(full)))
  for (const part of [
    '90 days',
    '7 days old',
    'severity critical is refused',
    'vendor/**',
    'sec@example.org',
    'CVE-2023-26159',
    '1000',
  ]) {
    assert.ok(
      sentences.some((one) => one.includes(part)),
      part,
    )
  }
  assert.ok(explainCertificationPolicy(defaultCertificationPolicy()).includes('Nobody may make exceptions.'))
  for (const one of sentences) assert.match(one, /\.$/)
})
