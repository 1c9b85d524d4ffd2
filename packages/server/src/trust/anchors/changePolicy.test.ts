import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { distribute, type RunningTrust, revokerPolicy, startTrust, testKey } from '../revocationFixture.ts'
import { openTrustFixture, type TrustFixture } from '../trustFixture.ts'
import { addApprover } from './addApprover.ts'
import { type ChangePolicyDeps, changePolicy } from './changePolicy.ts'
import { distributedPolicy } from './distributedPolicy.ts'
import { putRevokerKey } from './putRevokerKey.ts'

let place: TrustFixture
let running: RunningTrust
let deps: ChangePolicyDeps
let current: () => Promise<VerificationPolicy>

beforeEach(async () => {
  place = await openTrustFixture(mkdtempSync(join(tmpdir(), 'countersign-policy-')), new Date())
  running = await startTrust(place)
  deps = { anchors: running.trust.anchors, audit: running.revocations.audit }
  current = distributedPolicy(place.blobs)
})

afterEach(async () => {
  await running.stop()
  await place.close()
  rmSync(place.folder, { recursive: true })
})

const start = () => distribute(running, revokerPolicy(running.logs.revocations, []))
const rename = (name: string) => (policy: VerificationPolicy) => ({
  ...policy,
  validators: {
    ...policy.validators,
    of: [...policy.validators.of, { name, issuer: 'https://v.test', subject: `https://v.test/${name}` }],
  },
})
const change = (name: string) =>
  changePolicy(deps, { actor: 'operator', why: `validator ${name}`, change: rename(name) })
const audited = () => running.audited.filter(({ kind }) => kind === 'policy.changed')

test('changes at the same time all count, each on record before it is published', async () => {
  await start()
  await Promise.all(['one', 'two', 'three'].map(change))
  assert.deepEqual(
    (await current()).validators.of.map(({ name }) => name),
    ['one', 'two', 'three'],
  )
  assert.equal(audited().length, 3)
})

test('the distributed policy is read anew after each publication', async () => {
  await start()
  const before = await current()
  assert.equal(await current(), before)
  const { sha256 } = await change('one')
  assert.match(sha256, /^[0-9a-f]{64}$/)
  assert.notEqual(await current(), before)
})

test('a change that changes nothing publishes nothing', async () => {
  await start()
  await change('one')
  const { targetsExpires: before } = await running.trust.anchors.status()
  place.clock.advance(5000)
  await changePolicy(deps, { actor: 'operator', why: 'nothing', change: (policy) => policy })
  assert.equal(audited().length, 1)
  assert.deepEqual((await running.trust.anchors.status()).targetsExpires, before)
})

test('a change that makes no policy changes nothing, and the next one goes through', async () => {
  await start()
  const broken = (policy: VerificationPolicy) => ({ ...policy, validators: { required: 5, of: [] } })
  await assert.rejects(changePolicy(deps, { actor: 'operator', why: 'wrong', change: broken }), {
    code: 'policy.invalid',
  })
  assert.equal(audited().length, 0)
  await change('one')
  assert.equal((await current()).validators.of.length, 1)
})

test('trust.policy-missing: nothing to change before the first policy', async () => {
  await running.trust.anchors.publish({ 'trusted_root.json': new TextEncoder().encode('{}') })
  await assert.rejects(change('one'), { code: 'trust.policy-missing' })
  await assert.rejects(current(), { code: 'trust.policy-missing' })
})

test('an approver enters the policy with the public key and scopes; the same again changes nothing', async () => {
  await start()
  const { spki, keyId } = testKey()
  const anna = { name: 'anna', publicKey: spki, scopes: ['certifications', 'digest'] as const }
  const added = await addApprover(deps, 'operator', anna)
  assert.equal(added.keyId, keyId)
  assert.deepEqual((await current()).revokers.keys, [{ name: 'anna', spki, scopes: ['certifications', 'digest'] }])
  assert.deepEqual(await addApprover(deps, 'operator', anna), added)
  await addApprover(deps, 'operator', { ...anna, scopes: ['digest'] })
  assert.deepEqual((await current()).revokers.keys[0]?.scopes, ['digest'])
})

test('trust.approver-name: one name has one key, one key one name', async () => {
  await start()
  const { spki } = testKey()
  await addApprover(deps, 'operator', { name: 'anna', publicKey: spki, scopes: ['digest'] })
  const taken = [
    { name: 'anna', publicKey: testKey().spki, scopes: ['digest'] as const },
    { name: 'bert', publicKey: spki, scopes: ['digest'] as const },
  ]
  for (const one of taken) await assert.rejects(addApprover(deps, 'operator', one), { code: 'trust.approver-name' })
  assert.equal((await current()).revokers.keys.length, 1)
})

test('trust.key-unsupported: approvers hold P-256 keys', async () => {
  await start()
  const publicKey = 'MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE='
  await assert.rejects(addApprover(deps, 'operator', { name: 'anna', publicKey, scopes: ['digest'] }), {
    code: 'trust.key-unsupported',
  })
})

test('a validator’s first revoker key enters the policy for its own certifications alone; the same again changes nothing', async () => {
  await start()
  const { spki, keyId } = testKey()
  const authority = 'ab'.repeat(32)
  const put = () => putRevokerKey(deps, authority, 'one', spki)
  assert.deepEqual(await put(), { name: 'one', keyId, authority })
  assert.deepEqual(await put(), { name: 'one', keyId, authority })
  assert.equal(audited().length, 1)
  assert.deepEqual((await current()).revokers.keys, [
    { name: 'one', spki, scopes: ['certifications'], validator: { name: 'one', authority } },
  ])
  const renewed = 'cd'.repeat(32)
  await putRevokerKey(deps, renewed, 'one', spki)
  assert.equal((await current()).revokers.keys[0]?.validator?.authority, renewed)
})

test('trust.revoker-known: another key of a validator is an operator’s business', async () => {
  await start()
  await putRevokerKey(deps, 'ab'.repeat(32), 'one', testKey().spki)
  await assert.rejects(putRevokerKey(deps, 'ab'.repeat(32), 'one', testKey().spki), {
    code: 'trust.revoker-known',
    caller: { validator: 'one' },
  })
})
