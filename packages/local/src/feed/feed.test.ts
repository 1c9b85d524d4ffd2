import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { endedNumbers, signedLeaf, testRevoker, testRevokers } from '@countersign/protocol/decide/revokerFixture.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { REVOCATION_PAYLOAD_TYPE } from '@countersign/protocol/revocation/envelope.ts'
import type { Anchors } from '../anchors/openAnchors.ts'
import { systemClock } from '../clock/clock.ts'
import { loadFeedState, saveFeedState } from './feedStore.ts'
import { followFeed } from './followFeed.ts'
import { followLog } from './followLog.ts'
import { freshnessOf } from './freshness.ts'
import { readKnowledge } from './knowledge.ts'
import { LogServer, TestLog, testSigner } from './logFixture.ts'

const now = () => new Date()
const approver = testRevoker('anna', ['certifications'])
const origins = { artifacts: 'log.example.org', revocations: 'log.example.org/production/revocations' }
let server: LogServer
let folder: string
let artifacts: TestLog
let revocations: TestLog
let witness: ReturnType<typeof testSigner>
let policy: VerificationPolicy

before(async () => {
  server = await LogServer.start()
})
after(() => server.stop())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-feed-'))
  server.files.clear()
  server.clockOffsetMs = 0
  artifacts = new TestLog(origins.artifacts).add('a', 'b', 'c')
  revocations = new TestLog(origins.revocations)
  witness = testSigner('witness.example.org', 0x04)
  const log = (name: 'artifacts' | 'revocations', of: TestLog) => [
    { origin: origins[name], key: { vkey: of.signer.vkey }, url: `${server.url}/${name}` },
  ]
  policy = testPolicy({
    logs: {
      artifacts: log('artifacts', artifacts),
      certificates: [],
      revocations: log('revocations', revocations),
      audit: [],
    },
    revokers: testRevokers([approver]),
    witnesses: { quorum: 1, of: [{ name: 'witness.example.org', vkey: witness.vkey, outside: true }] },
  })
  publish()
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A leaf of a version that this program does not know. */
function unknownLeaf(): Uint8Array {
  const payload = Buffer.from(JSON.stringify({ v: 9, scope: 'galaxy' })).toString('base64')
  return Buffer.from(JSON.stringify({ payload, payloadType: REVOCATION_PAYLOAD_TYPE, signatures: [] }))
}

function publish(time = now()) {
  server.publish('artifacts', artifacts, artifacts.checkpoint(witness, time))
  server.publish('revocations', revocations, revocations.checkpoint(witness, time))
}

const anchors = () => ({ policy, folder, target: () => new Uint8Array() }) as unknown as Anchors
const deps = () => ({ clock: systemClock, timeoutMs: 2000, trust: { deviceRoot: '' } })
const follow = (changes: Partial<VerificationPolicy['logs']['artifacts'][number]> = {}) =>
  followLog({ ...policy.logs.artifacts[0]!, ...changes }, 'artifacts', folder, deps())
const recordFile = () => {
  const inner = readdirSync(join(folder, 'feed')).find((name) => !name.includes('.')) as string
  return join(folder, 'feed', inner, 'entries-0')
}
const evidence = () => readdirSync(join(folder, 'evidence'))

test('a checkpoint is kept, and a longer one that continues it replaces it', async () => {
  assert.equal((await follow()).checkpoint.size, 3n)
  artifacts.add(...Array.from({ length: 600 }, (_, index) => `entry ${index}`))
  publish()
  assert.equal((await follow()).checkpoint.size, 603n)
  assert.match((await loadFeedState(folder, origins.artifacts))?.note ?? '', /\n603\n/)
})

test('feed.rolled-back: a replayed older checkpoint changes nothing', async () => {
  const old = artifacts.checkpoint(witness, now())
  artifacts.add('d')
  publish()
  await follow()
  server.publish('artifacts', artifacts, old)
  await assert.rejects(follow(), { code: 'feed.rolled-back' })
  assert.match((await loadFeedState(folder, origins.artifacts))?.note ?? '', /\n4\n/)
})

test('feed.forked: another root of the same size; both notes stay as evidence, for good', async () => {
  await follow()
  const fork = new TestLog(origins.artifacts, artifacts.signer).add('a', 'b', 'x')
  server.publish('artifacts', fork, fork.checkpoint(witness, now()))
  await assert.rejects(follow(), { code: 'feed.forked' })
  await assert.rejects(follow(), { code: 'feed.forked' })
  assert.ok(evidence().length >= 1)
  const kept = JSON.parse(readFileSync(join(folder, 'evidence', evidence()[0] as string), 'utf8'))
  assert.match(kept.known, /log\.example\.org\n3\n/)
  assert.notEqual(kept.known, kept.offered)
  publish()
  assert.equal((await readKnowledge(anchors())).knowledge.problem?.code, 'feed.forked')
})

test('feed.forked: a longer log that does not continue the known one', async () => {
  await follow()
  const fork = new TestLog(origins.artifacts, artifacts.signer).add('a', 'x', 'c', 'd')
  server.publish('artifacts', fork, fork.checkpoint(witness, now()))
  await assert.rejects(follow(), { code: 'feed.forked' })
  assert.equal(evidence().length, 1)
})

test('feed.tiles-wrong: tiles that do not lead to the signed root are no proof of a fork', async () => {
  await follow()
  artifacts.add('d')
  publish()
  const tile = server.files.get('artifacts/tile/0/000.p/4') as Uint8Array
  server.files.set('artifacts/tile/0/000.p/4', tile.with(100, (tile[100] as number) ^ 1))
  await assert.rejects(follow(), { code: 'feed.tiles-wrong' })
  assert.throws(evidence)
})

test('feed.unreachable: no server, or no checkpoint', async () => {
  await assert.rejects(follow({ url: 'http://127.0.0.1:1' }), { code: 'feed.unreachable' })
  server.files.clear()
  await assert.rejects(follow(), { code: 'feed.unreachable' })
})

test('feed.damaged: a stored state that cannot be read is named', async () => {
  await follow()
  const path = join(folder, 'feed', readdirSync(join(folder, 'feed'))[0] as string)
  writeFileSync(path, '{"v":1}')
  await assert.rejects(follow(), { code: 'feed.damaged' })
})

test('log.note-unsigned and log.note-signature-wrong: a checkpoint by another key, a changed one', async () => {
  const other = new TestLog(origins.artifacts).add('a')
  server.publish('artifacts', other, other.checkpoint(witness, now()))
  await assert.rejects(follow(), { code: 'log.note-unsigned' })
  const changed = artifacts.checkpoint(witness, now()).replace('\n3\n', '\n2\n')
  server.publish('artifacts', artifacts, changed)
  await assert.rejects(follow(), { code: 'log.note-signature-wrong' })
})

test('feed.forked: a closed log that goes on, or ends otherwise than the policy says', async () => {
  const root = Buffer.from(artifacts.root()).toString('base64')
  await follow({ closed: { size: '3', root } })
  await assert.rejects(follow({ closed: { size: '2', root } }), { code: 'feed.forked' })
  const other = Buffer.from(artifacts.root(2)).toString('base64')
  await assert.rejects(follow({ closed: { size: '3', root: other } }), { code: 'feed.forked' })
})

test('following the feed brings fresh, witnessed knowledge, which stays without network', async () => {
  const followed = await followFeed(anchors(), deps())
  assert.deepEqual(followed.failures, [])
  assert.equal(followed.knowledge.source, 'fetched')
  assert.equal(followed.knowledge.witnessed, true)
  assert.ok(Date.now() - (followed.knowledge.freshness?.getTime() ?? 0) < 5000)
  server.files.clear()
  const stored = await readKnowledge(anchors())
  assert.equal(stored.knowledge.source, 'stored')
  assert.deepEqual(stored.knowledge.freshness, followed.knowledge.freshness)
  const unreachable = await followFeed(anchors(), deps())
  assert.equal(unreachable.knowledge.source, 'stored')
  assert.equal(unreachable.knowledge.problem, undefined)
  assert.deepEqual(
    unreachable.failures.map((one) => one.code),
    ['feed.unreachable', 'feed.unreachable'],
  )
})

test('nothing known: no freshness, source none', async () => {
  const { knowledge, timeFloor } = await readKnowledge(anchors())
  assert.equal(knowledge.freshness, undefined)
  assert.equal(knowledge.source, 'none')
  assert.equal(timeFloor, undefined)
})

test('feed.record-unknown: a record of unknown version or scope makes what is known stale, never ignored', async () => {
  revocations.entries.push(unknownLeaf())
  publish()
  const { knowledge } = await followFeed(anchors(), deps())
  assert.equal(knowledge.problem?.code, 'feed.record-unknown')
  assert.match(knowledge.problem?.detail ?? '', /record 0: version 9, which this program does not know/)
  assert.equal((await readKnowledge(anchors())).knowledge.problem?.code, 'feed.record-unknown')
})

test('feed.record-unknown: an entry that is no record at all', async () => {
  revocations.add('one')
  publish()
  assert.equal((await followFeed(anchors(), deps())).knowledge.problem?.code, 'feed.record-unknown')
})

test('an authorised record counts, also beside one that cannot be read, and stays without network', async () => {
  revocations.entries.push(unknownLeaf(), signedLeaf(endedNumbers([5n]), approver))
  publish()
  await followFeed(anchors(), deps())
  server.files.clear()
  const { knowledge, ignored } = await readKnowledge(anchors())
  assert.deepEqual(
    knowledge.records.map(({ number, origin, authorised }) => [number, origin, authorised.by]),
    [[1n, origins.revocations, ['anna']]],
  )
  assert.equal(ignored, 0)
})

test('a record by nobody with the right to it has no effect and is counted', async () => {
  revocations.entries.push(
    signedLeaf(endedNumbers([5n])),
    signedLeaf(endedNumbers([5n]), testRevoker('eve', ['digest'])),
  )
  publish()
  const { knowledge, ignored } = await followFeed(anchors(), deps())
  assert.deepEqual([knowledge.records, knowledge.problem, ignored], [[], undefined, 2])
})

test('records of more than one entry bundle are all kept, and read again after more have come', async () => {
  const leaves = Array.from({ length: 300 }, (_, at) => signedLeaf(endedNumbers([BigInt(at) + 1n])))
  revocations.entries.push(...leaves)
  publish()
  assert.equal((await followFeed(anchors(), deps())).ignored, 300)
  revocations.entries.push(signedLeaf(endedNumbers([5n]), approver))
  publish()
  const { knowledge, ignored } = await followFeed(anchors(), deps())
  assert.deepEqual([knowledge.records[0]?.number, knowledge.problem, ignored], [300n, undefined, 300])
})

test('feed.incomplete: records that are missing on this machine; the next poll fetches them again', async () => {
  revocations.entries.push(signedLeaf(endedNumbers([5n]), approver))
  publish()
  await followFeed(anchors(), deps())
  rmSync(recordFile())
  const { knowledge } = await readKnowledge(anchors())
  assert.deepEqual([knowledge.records, knowledge.problem?.code], [[], 'feed.incomplete'])
  assert.equal((await followFeed(anchors(), deps())).knowledge.records.length, 1)
})

test('feed.damaged: records that were altered on this machine; one that is still authorised counts', async () => {
  revocations.entries.push(signedLeaf(endedNumbers([5n]), approver), signedLeaf(endedNumbers([6n]), approver))
  publish()
  await followFeed(anchors(), deps())
  const bytes = readFileSync(recordFile())
  writeFileSync(recordFile(), bytes.toString('latin1').replace(/.{9}$/, 'AAAAA"}]}'), 'latin1')
  const { knowledge } = await readKnowledge(anchors())
  assert.equal(knowledge.problem?.code, 'feed.damaged')
  assert.deepEqual(
    knowledge.records.map(({ number }) => number),
    [0n],
  )
})

test('feed.incomplete: a checkpoint is not ahead of the records without saying so', async () => {
  revocations.entries.push(signedLeaf(endedNumbers([5n]), approver))
  const note = revocations.checkpoint(witness, now())
  await saveFeedState(folder, { v: 1, origin: origins.revocations, note, read: '0' })
  assert.equal((await readKnowledge(anchors())).knowledge.problem?.code, 'feed.incomplete')
})

test('a replayed note of the same tree does not make what is known look older', async () => {
  const old = revocations.checkpoint(witness, new Date(Date.now() - 7_200_000))
  publish()
  const { knowledge } = await followFeed(anchors(), deps())
  server.publish('revocations', revocations, old)
  assert.deepEqual((await followFeed(anchors(), deps())).knowledge.freshness, knowledge.freshness)
})

test('a longer log whose cosignatures somebody stripped does not take back how fresh we were', async () => {
  const { knowledge } = await followFeed(anchors(), deps())
  revocations.entries.push(signedLeaf(endedNumbers([5n]), approver))
  const stripped = revocations.checkpoint(witness, now()).replace(/— witness[^\n]*\n/, '')
  server.publish('revocations', revocations, stripped)
  const next = (await followFeed(anchors(), deps())).knowledge
  assert.deepEqual([next.records.length, next.freshness], [1, knowledge.freshness])
  publish(new Date(Date.now() + 60_000))
  assert.ok(((await followFeed(anchors(), deps())).knowledge.freshness?.getTime() ?? 0) > Date.now())
})

test('feed.tiles-wrong: a record that is not the one in the tree', async () => {
  revocations.add('one')
  publish()
  server.files.set('revocations/tile/entries/000.p/1', new Uint8Array([0, 3, 0x74, 0x77, 0x6f]))
  const { knowledge, failures } = await followFeed(anchors(), deps())
  assert.deepEqual(
    failures.map((one) => one.code),
    ['feed.tiles-wrong'],
  )
  assert.equal(knowledge.problem?.code, 'feed.tiles-wrong')
  assert.equal(knowledge.source, 'none')
})

test('a rollback found while following is the knowledge’s problem until it ends; a fork is for good', async () => {
  const old = artifacts.checkpoint(witness, now())
  artifacts.add('d')
  publish()
  await followFeed(anchors(), deps())
  server.publish('artifacts', artifacts, old)
  assert.equal((await followFeed(anchors(), deps())).knowledge.problem?.code, 'feed.rolled-back')
  publish()
  assert.equal((await followFeed(anchors(), deps())).knowledge.problem, undefined)
  const fork = new TestLog(origins.artifacts, artifacts.signer).add('x', 'y', 'z', 'd')
  server.publish('artifacts', fork, fork.checkpoint(witness, now()))
  assert.equal((await followFeed(anchors(), deps())).knowledge.problem?.code, 'feed.forked')
  publish()
  assert.equal((await followFeed(anchors(), deps())).knowledge.problem?.code, 'feed.forked')
})

test('freshness is the quorum-th newest cosignature of named witnesses', () => {
  const times = [1_700_000_300, 1_700_000_100].map((seconds) => new Date(seconds * 1000))
  const second = testSigner('second.example.org', 0x04)
  const note = artifacts.checkpoint(witness, times[0] as Date)
  const more = artifacts.checkpoint(second, times[1] as Date)
  const both = `${note}${more.split('\n\n')[1]?.split('\n')[1]}\n`
  const of = [
    { name: 'a', vkey: witness.vkey, outside: false },
    { name: 'b', vkey: second.vkey, outside: true },
  ]
  assert.deepEqual(freshnessOf(both, { quorum: 1, of }), { time: times[0], witnessed: true })
  assert.deepEqual(freshnessOf(both, { quorum: 2, of }), { time: times[1], witnessed: true })
  assert.deepEqual(freshnessOf(note, { quorum: 2, of }), { witnessed: false })
  assert.deepEqual(freshnessOf(note, { quorum: 1, of }), { time: times[0], witnessed: false })
})

test('a clock an hour off shows in the offset, one behind the witnesses in the time floor', async () => {
  server.clockOffsetMs = 3_600_000
  publish(new Date(Date.now() + 3_600_000))
  const { clockOffsetMs, timeFloor } = await followFeed(anchors(), deps())
  assert.ok(Math.abs((clockOffsetMs ?? 0) + 3_600_000) < 10_000)
  assert.ok((timeFloor?.getTime() ?? 0) - Date.now() > 3_500_000)
})
