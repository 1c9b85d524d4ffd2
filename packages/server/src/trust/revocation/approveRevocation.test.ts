import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TrustTables } from '../trustTables.ts'
import { listRequests } from './requestStore.ts'
import {
  anna,
  approve,
  ask,
  bert,
  certify,
  digestOf,
  logged,
  own,
  restart,
  setRevokers,
  site,
  siteForEachTest,
  stateOf,
  stranger,
} from './testRevocations.ts'

siteForEachTest()

test('a dry run tells the reach and changes nothing', async () => {
  const [one] = (await certify(2)) as [bigint]
  const { request, reach } = await ask({
    target: { scope: 'certifications', authority: site().authority, numbers: [String(one)] },
    dryRun: true,
  })
  assert.equal(request, undefined)
  assert.deepEqual([reach.certifications, reach.activeCertifications], [1, 2])
  assert.deepEqual(await listRequests(site().place.database.tables<TrustTables>(), { all: true, limit: 10 }), [])
})

test('by hand with two approvers: the second signature logs the record; a signature counts once', async () => {
  await setRevokers({ approvals: { certifications: 2, digest: 2, certificate: 2, identity: 2 } })
  const [one, two] = (await certify(2)) as [bigint, bigint]
  const { request } = await ask({
    target: { scope: 'certifications', authority: site().authority, numbers: [String(two), String(one), String(one)] },
  })
  assert.ok(request)
  assert.deepEqual([request.state, request.required, request.requestedBy], ['waiting', 2, 'me@example.test'])
  assert.equal((await approve(request.id, request.payload)).approvals.length, 1)
  const still = await approve(request.id, request.payload)
  assert.deepEqual([still.state, still.approvals.map(({ name }) => name)], ['waiting', ['anna']])
  assert.equal(site().running.logs.revocations.head().size, 0n)
  const done = await approve(request.id, request.payload, bert)
  assert.deepEqual([done.state, done.record, done.approvals.length], ['logged', '0', 2])
  assert.deepEqual(await Promise.all([one, two].map(stateOf)), ['ended', 'ended'])
  assert.deepEqual(await approve(request.id, request.payload, bert), done)
  const [leaf] = await logged()
  assert.equal(leaf?.signatures.length, 2)
})

test('two approvals at once log one record', async () => {
  await setRevokers({ approvals: { certifications: 2, digest: 2, certificate: 2, identity: 2 } })
  const [one] = (await certify()) as [bigint]
  const { request } = await ask({
    target: { scope: 'certifications', authority: site().authority, numbers: [String(one)] },
  })
  const both = await Promise.all([approve(request!.id, request!.payload), approve(request!.id, request!.payload, bert)])
  assert.ok(both.some(({ state }) => state === 'logged'))
  assert.equal(site().running.logs.revocations.head().size, 1n)
})

test('an approval that a crash cut off after its record was written is finished by the next start', async () => {
  const [one] = (await certify()) as [bigint]
  const { request } = await ask({
    target: { scope: 'certifications', authority: site().authority, numbers: [String(one)] },
  })
  const append = () => Promise.reject(new Error('power lost'))
  await assert.rejects(approve(request!.id, request!.payload, anna, { log: { append } }), /power lost/)
  await restart()
  assert.equal(await stateOf(one), 'ended')
  const [now] = await listRequests(site().place.database.tables<TrustTables>(), { all: true, limit: 10 })
  assert.deepEqual([now?.state, now?.record], ['logged', '0'])
})

test('signatures that do not count are refused and not kept', async () => {
  const [one] = (await certify()) as [bigint]
  const { request } = await ask({
    target: { scope: 'certifications', authority: site().authority, numbers: [String(one)] },
  })
  const { id, payload } = request!
  await assert.rejects(approve(id, payload, stranger), { code: 'revocation.unauthorised' })
  await assert.rejects(approve(id, payload, own), { code: /^revocation\.(scope-not-allowed|no-advisory)$/ })
  const other = Buffer.from('other bytes').toString('base64')
  await assert.rejects(approve(id, other), { code: 'revocation.signature-wrong' })
  await assert.rejects(approve('00'.repeat(16), payload), { code: 'trust.request-unknown' })
  const [kept] = await listRequests(site().place.database.tables<TrustTables>(), { all: false, limit: 10 })
  assert.deepEqual(kept?.approvals, [])
})

test('a digest ends every certification of those bytes so far; one that is made later stands', async () => {
  const [one, other] = (await certify(2)) as [bigint, bigint]
  const { request } = await ask({ target: { scope: 'digest', digest: digestOf(0), blocked: false } })
  await approve(request!.id, request!.payload)
  assert.deepEqual(await Promise.all([one, other].map(stateOf)), ['ended', 'active'])
  const [again] = (await certify()) as [bigint]
  assert.equal(await stateOf(again), 'active')
})

test('trust.artifact-blocked: blocked bytes are not certified again', async () => {
  const [one] = (await certify()) as [bigint]
  const { request } = await ask({ target: { scope: 'digest', digest: digestOf(0), blocked: true } })
  await approve(request!.id, request!.payload)
  assert.equal(await stateOf(one), 'ended')
  await assert.rejects(certify(), { code: 'trust.artifact-blocked' })
})

test('requests that cannot become a record are refused', async () => {
  await certify()
  const numbers = (count: number, step: bigint) =>
    Array.from({ length: count }, (_, at) => String(BigInt(at + 1) * step))
  const target = { scope: 'certifications', authority: site().authority, numbers: ['77'] } as const
  await assert.rejects(ask({ target }), { code: 'trust.certification-unknown' })
  await assert.rejects(ask({ target: { ...target, numbers: numbers(40_000, 1000n) } }), {
    code: 'trust.revocation-too-large',
  })
  await assert.rejects(ask({ target: { ...target, numbers: ['0'] } }), { code: 'revocation.record-malformed' })
})

test('trust.too-many-requests: the list of waiting requests has an end', async () => {
  const values = Array.from({ length: 1000 }, (_, at) => ({
    id: String(at).padStart(32, '0'),
    payload: new Uint8Array(),
    payload_hash: String(at),
    requested_by: 'x',
    requested_ms: 0,
    required: 1,
    reach: '{}',
    announcement: null,
    record: null,
  }))
  await site().place.database.transaction<TrustTables, void>('test', async (trx) => {
    await trx.insertInto('trust_revocation_requests').values(values).execute()
  })
  const target = { scope: 'digest', digest: digestOf(0), blocked: false } as const
  await assert.rejects(ask({ target }), { code: 'trust.too-many-requests' })
  assert.ok((await ask({ target, dryRun: true })).reach)
})
