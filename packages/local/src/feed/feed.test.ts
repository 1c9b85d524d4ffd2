import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { Anchors } from '../anchors/openAnchors.ts'
import { systemClock } from '../clock/clock.ts'
import { loadFeedState } from './feedStore.ts'
import { followFeed } from './followFeed.ts'
import { followLog } from './followLog.ts'
import { freshnessOf, readKnowledge } from './knowledge.ts'
import { LogServer, TestLog, testSigner } from './logFixture.ts'

const now = () => new Date()
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
    witnesses: { quorum: 1, of: [{ name: 'witness.example.org', vkey: witness.vkey, outside: true }] },
  })
  publish()
})
afterEach(() => rmSync(folder, { recursive: true }))

function publish(time = now()) {
  server.publish('artifacts', artifacts, artifacts.checkpoint(witness, time))
  server.publish('revocations', revocations, revocations.checkpoint(witness, time))
}

const anchors = () => ({ policy, folder, target: () => new Uint8Array() }) as unknown as Anchors
const deps = () => ({ clock: systemClock, timeoutMs: 2000, trust: { deviceRoot: '' } })
const follow = (changes: Partial<VerificationPolicy['logs']['artifacts'][number]> = {}) =>
  followLog({ ...policy.logs.artifacts[0]!, ...changes }, 'artifacts', folder, deps())
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
  assert.equal((await readKnowledge(anchors())).endings.problem?.code, 'feed.forked')
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
  assert.equal(followed.endings.source, 'fetched')
  assert.equal(followed.endings.witnessed, true)
  assert.ok(Date.now() - (followed.endings.freshness?.getTime() ?? 0) < 5000)
  server.files.clear()
  const stored = await readKnowledge(anchors())
  assert.equal(stored.endings.source, 'stored')
  assert.deepEqual(stored.endings.freshness, followed.endings.freshness)
  const unreachable = await followFeed(anchors(), deps())
  assert.equal(unreachable.endings.source, 'stored')
  assert.equal(unreachable.endings.problem, undefined)
  assert.deepEqual(
    unreachable.failures.map((one) => one.code),
    ['feed.unreachable', 'feed.unreachable'],
  )
})

test('nothing known: no freshness, source none', async () => {
  const { endings, timeFloor } = await readKnowledge(anchors())
  assert.equal(endings.freshness, undefined)
  assert.equal(endings.source, 'none')
  assert.equal(timeFloor, undefined)
})

test('feed.record-unknown: a record of unknown version or scope makes what is known stale, never ignored', async () => {
  const payload = Buffer.from(JSON.stringify({ v: 9, scope: 'galaxy' })).toString('base64')
  revocations.add(JSON.stringify({ payload }))
  publish()
  const { endings } = await followFeed(anchors(), deps())
  assert.equal(endings.problem?.code, 'feed.record-unknown')
  assert.match(endings.problem?.detail ?? '', /record 0: version 9, scope galaxy/)
  assert.equal((await readKnowledge(anchors())).endings.problem?.code, 'feed.record-unknown')
})

test('feed.tiles-wrong: a record that is not the one in the tree', async () => {
  revocations.add('one')
  publish()
  server.files.set('revocations/tile/entries/000.p/1', new Uint8Array([0, 3, 0x74, 0x77, 0x6f]))
  const { endings, failures } = await followFeed(anchors(), deps())
  assert.deepEqual(
    failures.map((one) => one.code),
    ['feed.tiles-wrong'],
  )
  assert.equal(endings.problem?.code, 'feed.tiles-wrong')
  assert.equal(endings.source, 'none')
})

test('a rollback found while following is the knowledge’s problem until it ends; a fork is for good', async () => {
  const old = artifacts.checkpoint(witness, now())
  artifacts.add('d')
  publish()
  await followFeed(anchors(), deps())
  server.publish('artifacts', artifacts, old)
  assert.equal((await followFeed(anchors(), deps())).endings.problem?.code, 'feed.rolled-back')
  publish()
  assert.equal((await followFeed(anchors(), deps())).endings.problem, undefined)
  const fork = new TestLog(origins.artifacts, artifacts.signer).add('x', 'y', 'z', 'd')
  server.publish('artifacts', fork, fork.checkpoint(witness, now()))
  assert.equal((await followFeed(anchors(), deps())).endings.problem?.code, 'feed.forked')
  publish()
  assert.equal((await followFeed(anchors(), deps())).endings.problem?.code, 'feed.forked')
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
