import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRevocationLeaf, revocationLeaf } from '../revocation/envelope.ts'
import { type RevocationRecord, writeRecord } from '../revocation/record.ts'
import { authoriseRevocation, neededApprovals } from './authoriseRevocation.ts'
import {
  endedNumbers,
  signedLeaf,
  TEST_AUTHORITY,
  type TestRevoker,
  testRevoker,
  testRevokers,
} from './revokerFixture.ts'

const all = ['certifications', 'digest', 'certificate', 'identity'] as const
const anna = testRevoker('anna', all)
const bert = testRevoker('bert', all)
const carl = testRevoker('carl', ['identity'])
const lab = testRevoker('lab', ['certifications'], TEST_AUTHORITY)
const stranger = testRevoker('stranger', all)
const named = [anna, bert, carl, lab]
const own = endedNumbers([5n])
const issuedAt = new Date('2026-03-01T00:00:00Z')
const blocked: RevocationRecord = {
  scope: 'digest',
  effect: 'blocked',
  digest: 'bb'.repeat(32),
  reason: 'why',
  issuedAt,
}
const lifted: RevocationRecord = {
  scope: 'certifications',
  effect: 'lifted',
  amends: 'cc'.repeat(32),
  reason: 'why',
  issuedAt,
}

function authorise(record: RevocationRecord, by: readonly TestRevoker[], approvals = 1, environment = 'development') {
  const revocation = parseRevocationLeaf(signedLeaf(record, ...by))
  return authoriseRevocation(revocation, testRevokers(named, approvals), environment as 'development' | 'production')
}

test("a validator's own key ends its certifications for an advisory, alone", () => {
  const authorised = authorise(own, [lab], 2, 'production')
  assert.deepEqual([authorised.by, authorised.validator], [['lab'], 'lab'])
})

test('as many approvers as the policy asks for end anything', () => {
  const authorised = authorise(blocked, [bert, anna], 2, 'production')
  assert.deepEqual([[...authorised.by].sort(), authorised.validator], [['anna', 'bert'], undefined])
  assert.deepEqual(authorise(lifted, [anna]).by, ['anna'])
})

test('a signature by a stranger beside enough others does not count and does not harm', () => {
  assert.deepEqual(authorise(blocked, [anna, stranger]).by, ['anna'])
})

test('in production two approvers are asked for whatever the policy says, but for certifications', () => {
  const revokers = testRevokers(named)
  const needed = (environment: 'development' | 'production') =>
    all.map((one) => neededApprovals(one, revokers, environment))
  assert.deepEqual(needed('production'), [1, 2, 2, 2])
  assert.deepEqual(needed('development'), [1, 1, 1, 1])
  assert.equal(neededApprovals('digest', testRevokers(named, 3), 'production'), 3)
})

const refused: readonly (readonly [string, string, () => unknown])[] = [
  ['revocation.unauthorised', 'nobody signed', () => authorise(own, [])],
  ['revocation.unauthorised', 'a stranger signed', () => authorise(own, [stranger])],
  ['revocation.scope-not-allowed', 'an approver without this scope', () => authorise(blocked, [carl])],
  ['revocation.scope-not-allowed', "a digest by a validator's key", () => authorise(blocked, [lab])],
  ['revocation.scope-not-allowed', "lifted by a validator's key", () => authorise(lifted, [lab])],
  [
    'revocation.scope-not-allowed',
    "narrowed by a validator's key",
    () =>
      authorise(endedNumbers([5n], { effect: 'narrowed', amends: 'cc'.repeat(32) } as Partial<RevocationRecord>), [
        lab,
      ]),
  ],
  ['revocation.too-few-approvals', 'one of two', () => authorise(blocked, [anna], 2)],
  ['revocation.too-few-approvals', 'one in production', () => authorise(blocked, [anna], 1, 'production')],
  ['revocation.too-few-approvals', 'one of two, and one without the scope', () => authorise(blocked, [anna, carl], 2)],
  [
    'revocation.too-few-approvals',
    "an approver and a validator's key are not two",
    () => authorise(blocked, [anna, lab], 2),
  ],
  [
    'revocation.not-own-certifications',
    'numbers of another authority',
    () => authorise(endedNumbers([5n], { authority: 'dd'.repeat(32) } as Partial<RevocationRecord>), [lab]),
  ],
  [
    'revocation.no-advisory',
    'without an advisory',
    () => authorise(endedNumbers([5n], { advisories: undefined }), [lab]),
  ],
]
for (const [code, what, work] of refused) {
  test(`${code}: ${what}`, () => {
    assert.throws(work, { code })
  })
}

test('revocation.signature-wrong: a signature over another record, or by another key than it says', () => {
  const payload = writeRecord(own)
  const moved = { ...lab.sign(payload), signature: lab.sign(writeRecord(blocked)).signature }
  const borrowed = { ...anna.sign(payload), signature: bert.sign(payload).signature }
  for (const signature of [moved, borrowed]) {
    const revocation = parseRevocationLeaf(revocationLeaf(payload, [signature]))
    assert.throws(() => authoriseRevocation(revocation, testRevokers(named), 'development'), {
      code: 'revocation.signature-wrong',
    })
  }
})

test('revocation.unauthorised: a policy key that cannot be read authorises nothing', () => {
  const broken = { ...anna, named: { ...anna.named, spki: 'AAAA'.repeat(20) } }
  const revocation = parseRevocationLeaf(signedLeaf(own, anna))
  assert.throws(() => authoriseRevocation(revocation, testRevokers([broken]), 'development'), {
    code: 'revocation.unauthorised',
  })
})
