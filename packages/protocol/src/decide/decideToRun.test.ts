import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VerifiedBundle } from '../bundle/verifyBundle.ts'
import { testPolicy } from '../policy/policyFixture.ts'
import type { VerificationPolicy } from '../policy/verificationPolicy.ts'
import { decideToRun, MAX_CLOCK_OFFSET_MS, type RunDecision } from './decideToRun.ts'
import type { RunFacts } from './facts.ts'
import {
  anchors,
  asks,
  authority,
  certification,
  certified,
  endedNumber,
  ending,
  facts,
  failed,
  fresh,
  hoursAgo,
  identity,
  limited,
  passed,
  problem,
  second,
  skipped,
  validator,
  verified,
} from './runFactsFixture.ts'

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
    code: 'decide.certification-expired',
  },
  {
    what: 'a certification of another product than the one asked for',
    facts: { ...certified, product: 'acme/valve' },
    policy: asks(1),
    answer: 'no',
    code: 'decide.other-product',
  },
  {
    what: 'a certification of another version than the one asked for',
    facts: { ...certified, product: 'acme/pump', version: '1.0.1' },
    policy: asks(1),
    answer: 'no',
    code: 'decide.other-product',
  },
  {
    what: 'a signer limited to products, of the certified one',
    facts: certified,
    policy: { ...asks(1), identities: limited },
    answer: 'yes',
  },
  {
    what: 'a signer limited to products, certified by a validator that the policy does not name',
    facts: { ...certified, certifications: [{ ...certification, validator: { ...validator, subject: 'x' } }] },
    policy: { ...asks(0), identities: limited },
    answer: 'cannot tell',
    code: 'decide.product-unknown',
  },
  {
    what: 'a signer limited to products, certified as two products',
    facts: {
      ...facts,
      certifications: [certification, { ...certification, validator: second, product: 'else' }],
    },
    policy: { ...asks(2), identities: limited },
    answer: 'cannot tell',
    code: 'decide.product-unknown',
  },
  {
    what: 'a certification in the place of the signature',
    facts: {
      ...facts,
      bundle: { checks: [passed], verified: { ...verified, authority: { ...authority, certifies: true } } },
    },
    answer: 'no',
    code: 'decide.certification-as-signature',
  },
  {
    what: 'the artifact was ended, a later certification stands',
    facts: { ...certified, endings: ending('artifact', { unlessCertified: true }) },
    policy: asks(1),
    answer: 'yes',
  },
  {
    what: 'the artifact was ended, no certification stands',
    facts: { ...facts, endings: ending('artifact', { unlessCertified: true }) },
    answer: 'no',
    code: 'decide.ended',
  },
  {
    what: 'the artifact is malware, whoever certifies it',
    facts: { ...certified, endings: ending('artifact', { unlessCertified: false }) },
    policy: asks(1),
    answer: 'no',
    code: 'decide.ended',
  },
  {
    what: 'a certification that was ended',
    facts: { ...certified, endings: ending('certification', { certification: endedNumber }) },
    policy: asks(1),
    answer: 'no',
    code: 'decide.certification-ended',
  },
  {
    what: 'one by a validator that the policy does not name hides no ended one',
    facts: {
      ...facts,
      certifications: [{ ...certification, number: 6n, validator: { ...validator, subject: 'x' } }, certification],
      endings: ending('certification', { certification: endedNumber }),
    },
    policy: asks(1),
    answer: 'no',
    code: 'decide.certification-ended',
  },
  {
    what: 'the number was ended under another authority',
    facts: { ...certified, endings: ending('certification', { certification: { ...endedNumber, authority: 'bb' } }) },
    policy: asks(1),
    answer: 'yes',
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
  assert.deepEqual(reasons, [
    'endings: trust in its artifact was ended at 2026-04-01T10:00:00Z by record 12 of log.example.org (anna): it leaks ' +
      '[CVE-2026-1, severity high]; use pump 1.0.1',
  ])
})

test('a yes by stale knowledge under an informing policy carries the warning', () => {
  const stale = { ...facts, endings: { ...fresh, freshness: hoursAgo(25) } }
  assert.equal(decideToRun(stale, testPolicy({ onStale: 'inform' })).reasons.length, 1)
  assert.equal(decideToRun(facts, testPolicy()).reasons.length, 0)
})

test('an ended certification says why, since when, by which record, and what replaces it', () => {
  const endings = ending('certification', { certification: endedNumber })
  const { reasons } = decideToRun({ ...certified, endings }, testPolicy(asks(1)))
  assert.equal(reasons.length, 1)
  for (const fact of ['it leaks', 'CVE-2026-1', '2026-04-01T10:00:00Z', 'record 12', 'number 5', 'use pump 1.0.1']) {
    assert.ok(reasons[0]?.includes(fact.replace('number 5', 'certification 5')), `${fact} in ${reasons[0]}`)
  }
})

test('a signature inside a statement of another tool says of which type', () => {
  const statement = { predicateType: 'https://slsa.dev/provenance/v1' }
  const bundle = { checks: [passed], verified: { ...verified, statement } as unknown as VerifiedBundle }
  const { checks } = decideToRun({ ...facts, bundle }, testPolicy())
  assert.match(checks.find(({ name }) => name === 'signature kind')?.detail ?? '', /slsa\.dev\/provenance/)
})
