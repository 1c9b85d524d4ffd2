import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BundleVerification, Check, VerifiedBundle } from '../bundle/verifyBundle.ts'
import { testPolicy } from '../policy/policyFixture.ts'
import type { VerificationPolicy } from '../policy/verificationPolicy.ts'
import { decideToRun, MAX_CLOCK_OFFSET_MS, type RunDecision } from './decideToRun.ts'
import type { Ending, EndingsKnowledge, RunFacts, VerifiedCertification } from './facts.ts'

const now = new Date('2026-04-01T12:00:00Z')
const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000)
const digest = new Uint8Array(32).fill(7)
const identity = { issuer: 'https://sign.example.org/oidc', subject: 'anna@example.org' }
const passed: Check = { name: 'certificate', result: 'passed', detail: 'chain to the root' }
const failed: Check = { name: 'signature', result: 'failed', code: 'bundle.signature-wrong', detail: 'does not verify' }
const skipped: Check = { name: 'sct', result: 'not checked', detail: 'no log key' }

// Only what a decision reads of a verified bundle; everything else in it is `verifyBundle`'s business.
const verified = { identity, digest } as unknown as VerifiedBundle
const good: BundleVerification = { checks: [passed], verified }
const fresh: EndingsKnowledge = { freshness: hoursAgo(1), source: 'fetched', witnessed: true, endings: [] }
const anchors = { environment: 'production', rootSha256: '11'.repeat(32), expires: hoursAgo(-24) } as const
const facts: RunFacts = { bundle: good, certifications: [], endings: fresh, anchors, now }

const validator = {
  name: 'lab',
  issuer: 'https://v.example.org/validators',
  subject: 'https://v.example.org/validators/lab',
}
const second = { ...validator, name: 'other', subject: 'https://v.example.org/validators/other' }
const certification: VerifiedCertification = {
  authority: 'aa'.repeat(32),
  number: 5n,
  validator,
  digest,
  notAfter: hoursAgo(-1),
  product: 'acme/pump',
  version: '1.0.0',
}
const certified = { ...facts, certifications: [certification] }
const asks = (required: number): Partial<VerificationPolicy> => ({ validators: { required, of: [validator, second] } })
const ending = (covers: Ending['covers'], more: Partial<Ending> = {}): EndingsKnowledge => ({
  ...fresh,
  endings: [{ covers, reason: 'CVE-2026-1', ...more }],
})
const endedNumber = { authority: certification.authority, number: 5n }
const problem = { code: 'feed.forked', detail: 'two roots of one size', broken: true }
const limited = [{ issuer: identity.issuer, subject: { any: true }, products: ['acme/*'] }] as const

interface Row {
  readonly what: string
  readonly facts: RunFacts
  readonly policy?: Partial<VerificationPolicy>
  readonly answer: RunDecision['answer']
  readonly code?: string
}

const table: readonly Row[] = [
  { what: 'everything is good', facts, answer: 'yes' },
  {
    what: 'the signature fails',
    facts: { ...facts, bundle: { checks: [passed, failed] } },
    answer: 'no',
    code: 'bundle.signature-wrong',
  },
  {
    what: 'a check of the bundle could not run',
    facts: { ...facts, bundle: { checks: [passed, skipped] } },
    answer: 'cannot tell',
    code: 'decide.bundle-unverified',
  },
  {
    what: 'one check failed and another could not run',
    facts: { ...facts, bundle: { checks: [skipped, failed] } },
    answer: 'no',
  },
  {
    what: 'nothing was checked at all',
    facts: { ...facts, bundle: { checks: [] } },
    answer: 'cannot tell',
    code: 'decide.bundle-unverified',
  },
  {
    what: 'development anchors, production policy',
    facts: { ...facts, anchors: { ...anchors, environment: 'development' } },
    policy: { anchors: [] },
    answer: 'no',
    code: 'decide.development-anchors',
  },
  {
    what: 'production anchors, development policy',
    facts,
    policy: { environment: 'development', anchors: [] },
    answer: 'yes',
  },
  {
    what: 'anchors the policy does not name',
    facts: { ...facts, anchors: { ...anchors, rootSha256: '22'.repeat(32) } },
    answer: 'no',
    code: 'decide.anchor-not-named',
  },
  { what: 'a policy that names no anchors', facts, policy: { anchors: [] }, answer: 'yes' },
  {
    what: 'a foreign signer',
    facts,
    policy: { identities: [{ issuer: identity.issuer, subject: { exact: 'bert@example.org' } }] },
    answer: 'no',
    code: 'decide.identity-not-trusted',
  },
  {
    what: 'a foreign issuer',
    facts,
    policy: { identities: [{ issuer: 'https://else.example.org', subject: { any: true } }] },
    answer: 'no',
    code: 'decide.identity-not-trusted',
  },
  {
    what: 'a signer limited to products, product unknown',
    facts,
    policy: { identities: limited },
    answer: 'cannot tell',
    code: 'decide.product-unknown',
  },
  {
    what: 'a signer limited to products, of this one',
    facts: { ...facts, product: 'acme/pump' },
    policy: { identities: limited },
    answer: 'yes',
  },
  {
    what: 'a signer limited to products, of another',
    facts: { ...facts, product: 'else' },
    policy: { identities: limited },
    answer: 'no',
    code: 'decide.identity-not-trusted',
  },
  { what: 'certification asked for, none there', facts, policy: asks(1), answer: 'no', code: 'decide.not-certified' },
  { what: 'certified as asked for', facts: certified, policy: asks(1), answer: 'yes' },
  {
    what: 'one validator certified twice, two asked for',
    facts: { ...facts, certifications: [certification, { ...certification, number: 6n }] },
    policy: asks(2),
    answer: 'no',
    code: 'decide.not-certified',
  },
  {
    what: 'two validators certified, two asked for',
    facts: { ...facts, certifications: [certification, { ...certification, validator: second }] },
    policy: asks(2),
    answer: 'yes',
  },
  {
    what: 'a validator the policy does not name',
    facts: { ...facts, certifications: [{ ...certification, validator: { ...validator, subject: 'x' } }] },
    policy: asks(1),
    answer: 'no',
  },
  {
    what: 'a certification of other bytes',
    facts: { ...facts, certifications: [{ ...certification, digest: new Uint8Array(32) }] },
    policy: asks(1),
    answer: 'no',
  },
  {
    what: 'a certification that ran out',
    facts: { ...facts, certifications: [{ ...certification, notAfter: hoursAgo(1) }] },
    policy: asks(1),
    answer: 'no',
  },
  {
    what: 'a certification that was ended',
    facts: { ...certified, endings: ending('certification', { certification: endedNumber }) },
    policy: asks(1),
    answer: 'no',
    code: 'decide.not-certified',
  },
  {
    what: 'another certification was ended',
    facts: { ...certified, endings: ending('certification', { certification: { ...endedNumber, number: 4n } }) },
    policy: asks(1),
    answer: 'yes',
  },
  {
    what: 'the artifact was ended',
    facts: { ...facts, endings: ending('artifact') },
    answer: 'no',
    code: 'decide.ended',
  },
  {
    what: 'the certificate was distrusted',
    facts: { ...facts, endings: ending('certificate') },
    answer: 'no',
    code: 'decide.ended',
  },
  {
    what: 'the identity was distrusted',
    facts: { ...facts, endings: ending('identity') },
    answer: 'no',
    code: 'decide.ended',
  },
  {
    what: 'stopping needs less proof: an ending counts however old the knowledge',
    facts: { ...facts, endings: { ...ending('artifact'), freshness: hoursAgo(99_999) } },
    answer: 'no',
    code: 'decide.ended',
  },
  {
    what: 'stopping needs less proof: an ending counts without any freshness',
    facts: { ...facts, endings: { source: 'stored', witnessed: false, endings: ending('artifact').endings } },
    answer: 'no',
    code: 'decide.ended',
  },
  {
    what: 'stopping needs less proof: an ending counts with a wrong clock',
    facts: { ...facts, endings: ending('artifact'), clockOffsetMs: 3_600_000 },
    answer: 'no',
    code: 'decide.ended',
  },
  {
    what: 'nothing known about endings',
    facts: { ...facts, endings: { source: 'none', witnessed: false, endings: [] } },
    answer: 'cannot tell',
    code: 'decide.endings-unknown',
  },
  {
    what: 'stale knowledge',
    facts: { ...facts, endings: { ...fresh, freshness: hoursAgo(25) } },
    answer: 'cannot tell',
    code: 'decide.stale',
  },
  {
    what: 'knowledge just within the bound',
    facts: { ...facts, endings: { ...fresh, freshness: hoursAgo(24) } },
    answer: 'yes',
  },
  {
    what: 'stale knowledge, policy only informs',
    facts: { ...facts, endings: { ...fresh, freshness: hoursAgo(25) } },
    policy: { onStale: 'inform' },
    answer: 'yes',
  },
  {
    what: 'beyond maxOffline even a policy that informs',
    facts: { ...facts, endings: { ...fresh, freshness: hoursAgo(24 * 31) } },
    policy: { onStale: 'inform' },
    answer: 'cannot tell',
    code: 'decide.stale',
  },
  {
    what: 'maxOffline 0 means never',
    facts: { ...facts, endings: { ...fresh, freshness: hoursAgo(24 * 999) } },
    policy: { onStale: 'inform', maxOffline: '0' },
    answer: 'yes',
  },
  {
    what: 'a forked log',
    facts: { ...facts, endings: { ...fresh, problem } },
    answer: 'cannot tell',
    code: 'feed.forked',
  },
  {
    what: 'a forked log does not hide an ending',
    facts: { ...facts, endings: { ...ending('artifact'), problem } },
    answer: 'no',
    code: 'decide.ended',
  },
  {
    what: 'a clock an hour behind',
    facts: { ...facts, clockOffsetMs: -3_600_000 },
    answer: 'cannot tell',
    code: 'decide.clock-wrong',
  },
  { what: 'a clock off within tolerance', facts: { ...facts, clockOffsetMs: MAX_CLOCK_OFFSET_MS }, answer: 'yes' },
  {
    what: 'expired anchors',
    facts: { ...facts, anchors: { ...anchors, expires: hoursAgo(1) } },
    answer: 'cannot tell',
    code: 'decide.anchors-expired',
  },
]
for (const row of table) {
  test(`${row.answer}: ${row.what}`, () => {
    const decision = decideToRun(row.facts, testPolicy(row.policy))
    assert.equal(decision.answer, row.answer, decision.reasons.join('\n'))
    const codes = decision.checks.map((check) => check.code).filter((code) => code !== undefined)
    if (row.code !== undefined) assert.ok(codes.includes(row.code), codes.join(' '))
    if (row.answer === 'yes') assert.deepEqual(codes, [])
    else assert.ok(decision.reasons.length > 0)
  })
}

test('without k the missing certification is said, as a passed check', () => {
  const { checks } = decideToRun(facts, testPolicy())
  assert.deepEqual(
    checks.find((check) => check.name === 'certification'),
    { name: 'certification', result: 'passed', detail: 'not certified; this policy does not ask for it' },
  )
})

test('every check is listed, whatever failed first', () => {
  const all = decideToRun(facts, testPolicy()).checks.map((check) => check.name)
  const worst = decideToRun({ ...facts, bundle: { checks: [failed] } }, testPolicy()).checks.map((check) => check.name)
  assert.deepEqual(worst.slice(1), all.slice(1))
})

test('the reasons of a no name what says no, not what cannot be told', () => {
  const { reasons } = decideToRun({ ...facts, endings: ending('artifact'), clockOffsetMs: 3_600_000 }, testPolicy())
  assert.deepEqual(reasons, ['endings: trust in its artifact was ended: CVE-2026-1'])
})

test('a yes by stale knowledge under an informing policy carries the warning', () => {
  const stale = { ...facts, endings: { ...fresh, freshness: hoursAgo(25) } }
  assert.equal(decideToRun(stale, testPolicy({ onStale: 'inform' })).reasons.length, 1)
  assert.equal(decideToRun(facts, testPolicy()).reasons.length, 0)
})
