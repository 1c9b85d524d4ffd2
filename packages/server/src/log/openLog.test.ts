import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { merkleTreeLeaf, tileLeaf } from '@countersign/protocol/log/staticCt.ts'
import { leafIndexExtension } from '@countersign/protocol/x509/sct.ts'
import { leafEntry } from './leafEntry.ts'
import { appendEntries, type TestStore, testEntry, testStore } from './testLog.ts'
import { checkAnswer, checkTilesOf, readPublicLog } from './testPublicLog.ts'
import type { Appended, LogEntry } from './transparencyLog.ts'

let store: TestStore

beforeEach(async () => {
  store = await testStore()
})

afterEach(async () => {
  assert.deepEqual(store.blobs.violations, [])
  await store.remove()
})

test('a new log publishes the empty tree', async () => {
  const log = await store.open()
  assert.equal(log.head().size, 0n)
  assert.equal(readPublicLog(store).size, 0n)
  await log.close()
})

test('an answer names a published place and proves it', async () => {
  const log = await store.open()
  const answer = await log.append(testEntry(1))
  assert.equal(answer.index, 0n)
  assert.equal(answer.duplicate, false)
  await checkAnswer(readPublicLog(store), answer, testEntry(1).encode(0n).leaf)
  assert.equal(log.head().note, answer.checkpoint)
  await log.close()
})

test('growth across the borders of tiles leaves every file that each published size asks for', async () => {
  let log = await store.open()
  const answers: Appended[] = []
  for (const step of [1, 254, 1, 1, 254, 2, 600]) answers.push(...(await appendEntries(log, answers.length, step)))
  const published = new Set(answers.map((answer) => answer.size))
  const seen = readPublicLog(store)
  for (const [number, answer] of answers.entries()) {
    if (number % 50 === 0) await checkAnswer(seen, answer, testEntry(number).encode(0n).leaf)
  }
  for (const size of published) checkTilesOf(size, store)
  log = await store.reopen(log)
  const [next] = await appendEntries(log, answers.length, 1)
  assert.equal(next?.index, BigInt(answers.length))
  readPublicLog(store)
  await log.close()
})

test('one entry costs six writes: bundle, entries, tile, checkpoint and the end of the bundle, beside the commit', async () => {
  const log = await store.open()
  store.blobs.writes.length = 0
  await log.append(testEntry(1))
  assert.deepEqual(
    store.blobs.writes.map(({ point }) => point),
    ['log.staging', 'log.tile', 'log.tile', 'log.checkpoint', 'log.discard'],
  )
  assert.deepEqual(store.filesBelow('staging'), [])
  await log.close()
})

test('an entry twice in one batch, in two batches, and after a restart has one place', async () => {
  let log = await store.open()
  const twice = await Promise.all([log.append(testEntry(1)), log.append(testEntry(1)), log.append(testEntry(2))])
  assert.deepEqual(
    twice.map(({ index, duplicate }) => [index, duplicate]),
    [
      [0n, false],
      [0n, true],
      [1n, false],
    ],
  )
  const later = await Promise.all([log.append(testEntry(1)), log.append(testEntry(3))])
  assert.deepEqual(
    later.map(({ index, duplicate }) => [index, duplicate]),
    [
      [0n, true],
      [2n, false],
    ],
  )
  log = await store.reopen(log)
  const afterwards = await log.append(testEntry(2))
  assert.equal(afterwards.index, 1n)
  assert.equal(afterwards.duplicate, true)
  await checkAnswer(readPublicLog(store), afterwards, testEntry(2).encode(0n).leaf)
  assert.equal(log.head().size, 3n)
  await log.close()
})

test('a duplicate that lands while its equal is being logged has the same place', async () => {
  const log = await store.open()
  let landed: Promise<Appended> | undefined
  store.blobs.plan = (point) => {
    if (point === 'log.checkpoint') landed ??= log.append(testEntry(1))
    return undefined
  }
  const first = await log.append(testEntry(1))
  const second = await landed
  assert.deepEqual([first.index, second?.index, second?.duplicate], [0n, 0n, true])
  assert.equal(log.head().size, 1n)
  await log.close()
})

test('a bundle that was never committed stays while it could be, and goes when the log has grown past it', async () => {
  let log = await store.open()
  store.blobs.plan = (point) => (point === 'log.staging' ? { fault: 'stored', error: new Error('planned') } : undefined)
  await assert.rejects(log.append(testEntry(1)), { code: 'log.not-stored' })
  store.blobs.plan = undefined
  log = await store.reopen(log)
  assert.equal(store.filesBelow('staging/').length, 1)
  await log.append(testEntry(2))
  assert.equal(store.filesBelow('staging/').length, 1)
  log = await store.reopen(log)
  assert.deepEqual(store.filesBelow('staging/'), [])
  await log.close()
})

test('duplicates are found among more entries than one tile of keys holds', async () => {
  let log = await store.open()
  await appendEntries(log, 0, 700)
  log = await store.reopen(log)
  await appendEntries(log, 700, 100)
  const again = await appendEntries(log, 0, 800)
  assert.deepEqual(
    again.map(({ index }) => Number(index)),
    Array.from({ length: 800 }, (_, index) => index),
  )
  assert.ok(again.every(({ duplicate }) => duplicate))
  assert.equal(log.head().size, 800n)
  await log.close()
})

test('entries appended at once from many sides get every index once', async () => {
  const log = await store.open({ limits: { batchMs: 0, maxBatch: 7 } })
  const answers = await appendEntries(log, 0, 100)
  assert.deepEqual(
    answers.map(({ index }) => Number(index)).sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, at) => at),
  )
  readPublicLog(store)
  await log.close()
})

test('beyond the queue an entry is refused at once, and accepted later', async () => {
  const log = await store.open({ limits: { batchMs: 0, maxQueue: 3 } })
  const waiting = appendEntries(log, 0, 3)
  await assert.rejects(log.append(testEntry(9)), { code: 'log.busy' })
  await waiting
  assert.equal((await log.append(testEntry(9))).index, 3n)
  await log.close()
})

test('an entry that is too large or cannot be encoded is refused alone', async () => {
  const log = await store.open()
  const broken = {
    dedupeKey: testEntry(5).dedupeKey,
    encode() {
      throw new Error('cannot be encoded')
    },
  }
  const [large, bad, good] = await Promise.allSettled([
    log.append(leafEntry(new Uint8Array(65_536))),
    log.append(broken),
    log.append(testEntry(1)),
  ])
  assert.equal(large.status === 'rejected' && large.reason.code, 'log.entry-too-large')
  assert.match(String(bad.status === 'rejected' && bad.reason.message), /cannot be encoded/)
  assert.equal(good.status === 'fulfilled' && good.value.index, 0n)
  assert.equal((await log.append(leafEntry(new Uint8Array(65_535)))).index, 1n)
  await log.close()
})

test('a clock an hour behind the newest checkpoint: refuses to open, and to go on', async () => {
  const log = await store.open()
  await log.append(testEntry(1))
  store.clock.setNow(new Date(store.clock.now().getTime() - 3_600_000 + 5000))
  await assert.rejects(log.append(testEntry(2)), { code: 'log.clock-behind' })
  await assert.rejects(store.reopen(log), { code: 'log.clock-behind' })
  store.clock.advance(3_600_000)
  const again = await store.open()
  assert.equal((await again.append(testEntry(2))).index, 1n)
  await again.close()
})

test('of two writers on one database one goes on and the other stops', async () => {
  const first = await store.open()
  const stopped: string[] = []
  const second = await store.open({}, { onStopped: (name) => stopped.push(name) })
  const kept = await first.append(testEntry(1))
  await assert.rejects(second.append(testEntry(2)), { code: 'log.lost-race' })
  await assert.rejects(second.append(testEntry(3)), { code: 'log.stopped' })
  assert.deepEqual(stopped, ['artifacts'])
  await first.append(testEntry(4))
  const seen = readPublicLog(store)
  assert.equal(seen.size, 2n)
  await checkAnswer(seen, kept, testEntry(1).encode(0n).leaf)
  await first.close()
  await second.close()
})

test('after closing nothing is taken, and what has begun is answered', async () => {
  const log = await store.open()
  const begun = log.append(testEntry(1))
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  await log.close()
  assert.equal((await begun).index, 0n)
  await assert.rejects(log.append(testEntry(2)), { code: 'log.closed' })
})

test('proofs are given about published trees only', async () => {
  const log = await store.open()
  await log.append(testEntry(1))
  await assert.rejects(log.inclusionProof(0n, 2n), { code: 'log.range-wrong' })
  await assert.rejects(log.consistencyProof(1n, 2n), { code: 'log.range-wrong' })
  await log.close()
})

test('issuers are published when the log opens', async () => {
  const der = new Uint8Array([48, 0])
  const log = await store.open({ issuers: [der] })
  const [key] = store.filesBelow('issuer/')
  assert.deepEqual(await log.readIssuer(key?.split('/').at(-1) ?? ''), der)
  assert.equal(await log.readIssuer('00'.repeat(32)), undefined)
  await log.close()
})

test('a certificate log keeps entries that know their place, also over a restart and a crash', async () => {
  const ct = await testStore('data')
  let log = await ct.open()
  await Promise.all(Array.from({ length: 5 }, (_, number) => log.append(certificateEntry(number))))
  await log.close()
  log = await ct.open()
  ct.blobs.plan = (point) => (point === 'log.tile' ? { fault: 'lost', error: new Error('planned') } : undefined)
  await assert.rejects(log.append(certificateEntry(5)), /planned/)
  ct.blobs.plan = undefined
  await log.close()
  log = await ct.open()
  const answer = await log.append(certificateEntry(5))
  assert.equal(answer.index, 5n)
  const seen = readPublicLog(ct)
  await checkAnswer(seen, answer, certificateEntry(5).encode(5n).leaf)
  assert.equal(seen.size, 6n)
  await log.close()
  await ct.remove()
})

/** A precertificate entry as the authority logs them: its extensions name the place. */
function certificateEntry(number: number): LogEntry {
  return {
    dedupeKey: testEntry(number).dedupeKey,
    encode(index) {
      const entry = {
        timestampMs: BigInt(number),
        certificate: new Uint8Array([48, 1, number]),
        precertificate: { issuerKeyHash: new Uint8Array(32), submitted: new Uint8Array([48, 2, number, number]) },
        extensions: leafIndexExtension(index),
        chainFingerprints: [new Uint8Array(32).fill(1)],
      }
      return { leaf: merkleTreeLeaf(entry), stored: tileLeaf(entry) }
    },
  }
}
