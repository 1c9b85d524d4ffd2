import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { verifyCosignatures } from '@countersign/protocol/log/cosignature.ts'
import { parseNote } from '@countersign/protocol/log/note.ts'
import { merkleTreeLeaf, tileLeaf } from '@countersign/protocol/log/staticCt.ts'
import { leafIndexExtension } from '@countersign/protocol/x509/sct.ts'
import { checkAnswer, checkTilesOf, readPublicLog } from './checkLog.ts'
import { leafEntry } from './leafEntry.ts'
import { ed25519Signer } from './signers.ts'
import { type TestStore, testEntry, testKey, testStore } from './testLog.ts'
import type { Appended, LogEntry, TransparencyLog } from './transparencyLog.ts'

let store: TestStore

beforeEach(async () => {
  store = await testStore()
})

afterEach(async () => {
  assert.deepEqual(store.blobs.violations, [])
  await store.remove()
})

function appendAll(log: TransparencyLog, from: number, count: number): Promise<Appended[]> {
  return Promise.all(Array.from({ length: count }, (_, at) => log.append(testEntry(from + at))))
}

async function reopen(log: TransparencyLog): Promise<TransparencyLog> {
  await log.close()
  await store.reopenDatabase()
  return store.open()
}

function filesBelow(prefix: string): string[] {
  return [...store.blobs.objects.keys()].filter((key) => key.startsWith(`${store.spec.folder}/${prefix}`))
}

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
  for (const step of [1, 254, 1, 1, 254, 2, 600]) answers.push(...(await appendAll(log, answers.length, step)))
  const published = new Set(answers.map((answer) => answer.size))
  const seen = readPublicLog(store)
  for (const [number, answer] of answers.entries()) {
    if (number % 50 === 0) await checkAnswer(seen, answer, testEntry(number).encode(0n).leaf)
  }
  for (const size of published) checkTilesOf(size, store)
  log = await reopen(log)
  const [next] = await appendAll(log, answers.length, 1)
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
  assert.deepEqual(filesBelow('staging'), [])
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
  log = await reopen(log)
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
  log = await reopen(log)
  assert.equal(filesBelow('staging/').length, 1)
  await log.append(testEntry(2))
  assert.equal(filesBelow('staging/').length, 1)
  log = await reopen(log)
  assert.deepEqual(filesBelow('staging/'), [])
  await log.close()
})

test('duplicates are found among more entries than one tile of keys holds', async () => {
  let log = await store.open()
  await appendAll(log, 0, 700)
  log = await reopen(log)
  await appendAll(log, 700, 100)
  const again = await appendAll(log, 0, 800)
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
  const answers = await appendAll(log, 0, 100)
  assert.deepEqual(
    answers.map(({ index }) => Number(index)).sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, at) => at),
  )
  readPublicLog(store)
  await log.close()
})

test('beyond the queue an entry is refused at once, and accepted later', async () => {
  const log = await store.open({ limits: { batchMs: 0, maxQueue: 3 } })
  const waiting = appendAll(log, 0, 3)
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

test('a heartbeat signs the same tree anew, with the present time', async () => {
  const log = await store.open()
  await log.append(testEntry(1))
  const timeOf = () => verifyCosignatures(log.head().note, log.cosignerKeys)[0]?.time.getTime() ?? 0
  const before = timeOf()
  store.clock.advance(90_000)
  await log.heartbeat()
  assert.equal(timeOf() - before, 90_000)
  assert.equal(log.head().size, 1n)
  assert.equal(Buffer.from(store.blobs.objects.get('logs/test/checkpoint') ?? []).toString(), log.head().note)
  await log.close()
})

test('a certificate log signs tree heads whose time moves on with every heartbeat', async () => {
  const ct = await testStore('data')
  const log = await ct.open()
  const treeHeadTime = () => {
    const signature = parseNote(log.head().note).signatures[1]?.signature ?? new Uint8Array(8)
    return new DataView(signature.buffer, signature.byteOffset).getBigUint64(0)
  }
  const before = treeHeadTime()
  ct.clock.advance(5000)
  await log.heartbeat()
  assert.equal(treeHeadTime() - before, 5000n)
  await log.close()
  await ct.remove()
})

test('a cosigner that fails, lies or sleeps is left out, and the entry is logged', async () => {
  const key = store.spec.cosigners[0]?.key
  assert.ok(key)
  const wrong = { name: key.name, keyHash: key.keyHash, signature: new Uint8Array(72).fill(1) }
  for (const line of [() => Promise.reject(new Error('down')), async () => wrong, () => new Promise<never>(() => {})]) {
    const log = await store.open(
      { cosigners: [{ key, line }], limits: { batchMs: 0, cosignMs: 50 } },
      { clock: impatient() },
    )
    await log.heartbeat()
    assert.equal(parseNote(log.head().note).signatures.length, 1)
    await log.close()
  }
})

/** The test's clock, but sleeping takes no time. */
function impatient() {
  return { now: () => store.clock.now(), monotonicMs: () => store.clock.monotonicMs(), sleep: async () => {} }
}

test('a signer that fails refuses the round and not the log', async () => {
  const [signer] = store.spec.signers
  assert.ok(signer)
  let fails = false
  const unsteady = {
    key: signer.key,
    line: (...args: Parameters<typeof signer.line>) => (fails ? Promise.reject(new Error('no')) : signer.line(...args)),
  }
  const log = await store.open({ signers: [unsteady] })
  fails = true
  await assert.rejects(log.append(testEntry(1)), { code: 'log.not-stored' })
  fails = false
  assert.equal((await log.append(testEntry(1))).index, 0n)
  await log.close()
})

test('a clock an hour behind the newest checkpoint: refuses to open, and to go on', async () => {
  const log = await store.open()
  await log.append(testEntry(1))
  store.clock.setNow(new Date(store.clock.now().getTime() - 3_600_000 + 5000))
  await assert.rejects(log.append(testEntry(2)), { code: 'log.clock-behind' })
  await assert.rejects(reopen(log), { code: 'log.clock-behind' })
  store.clock.advance(3_600_000)
  const again = await store.open()
  assert.equal((await again.append(testEntry(2))).index, 1n)
  await again.close()
})

test('the clock may step back a little; times of checkpoints do not', async () => {
  const log = await store.open()
  await log.append(testEntry(1))
  const before = store.clock.now().getTime()
  store.clock.setNow(new Date(before - 10_000))
  await log.append(testEntry(2))
  const [cosignature] = verifyCosignatures(log.head().note, log.cosignerKeys)
  assert.ok((cosignature?.time.getTime() ?? 0) >= Math.floor(before / 1000) * 1000)
  await log.close()
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

test('another root at the same size: refuses to open', async () => {
  const log = await store.open()
  await log.append(testEntry(1))
  await log.close()
  const other = await testStore()
  const forked = await other.open({ signers: store.spec.signers })
  await forked.append(testEntry(2))
  await forked.close()
  store.blobs.objects.set('logs/test/checkpoint', other.blobs.objects.get('logs/test/checkpoint') as Uint8Array)
  await assert.rejects(store.open(), { code: 'log.forked' })
  await other.remove()
})

test('more published than committed: refuses to open', async () => {
  const log = await store.open()
  await log.append(testEntry(1))
  await log.close()
  const old = await testStore()
  const fresh = await old.open({ signers: store.spec.signers })
  await fresh.close()
  for (const [key, bytes] of store.blobs.objects) old.blobs.objects.set(key, bytes)
  await assert.rejects(old.open({ signers: store.spec.signers }), { code: 'log.published-newer' })
  await old.remove()
})

test('files without a database, or a database without files: refuses to open, each with its code', async () => {
  const log = await store.open()
  await log.append(testEntry(1))
  await log.close()
  const empty = await testStore()
  for (const [key, bytes] of store.blobs.objects) empty.blobs.objects.set(key, bytes)
  await assert.rejects(empty.open({ signers: store.spec.signers }), { code: 'log.database-missing' })
  await empty.remove()
  store.blobs.objects.clear()
  await assert.rejects(store.open(), { code: 'log.files-missing' })
})

test('keys of another log, or another origin: refuses to open', async () => {
  const log = await store.open()
  await log.close()
  await assert.rejects(store.open({ signers: [ed25519Signer(store.spec.origin, testKey('ed25519'))] }), {
    code: 'log.note-unsigned',
  })
  await assert.rejects(store.open({ signers: [ed25519Signer('other.example.test', testKey('ed25519'))] }), {
    code: 'log.origin-wrong',
  })
})

test('a changed or missing file at the right edge: refuses to open', async () => {
  const log = await store.open()
  await appendAll(log, 0, 300)
  await log.close()
  for (const path of ['tile/0/001.p/44', 'tile/1/000.p/1', 'tile/entries/001.p/44']) {
    const key = `logs/test/${path}`
    const good = store.blobs.objects.get(key) as Uint8Array
    const bad = good.slice()
    bad[bad.length - 1] = (bad[bad.length - 1] ?? 0) ^ 1
    store.blobs.objects.set(key, bad)
    await assert.rejects(store.open(), { code: 'log.files-wrong' }, path)
    store.blobs.objects.delete(key)
    await assert.rejects(store.open(), { code: 'log.files-missing' }, path)
    store.blobs.objects.set(key, good)
  }
  await (await store.open()).close()
})

test('a database that lost keys: refuses to open', async () => {
  const log = await store.open()
  await appendAll(log, 0, 300)
  await log.close()
  await store.database.transaction<{ log_key_tile: { tile: number } }, unknown>('test.damage', (trx) =>
    trx.deleteFrom('log_key_tile').where('tile', '=', 0).execute(),
  )
  await assert.rejects(store.open(), { code: 'log.keys-missing' })
})

test('partial tiles go once the full ones are published, and proofs of old sizes still work', async () => {
  const log = await store.open()
  const answers: Appended[] = []
  for (let step = 0; step < 30; step++) answers.push(...(await appendAll(log, answers.length, 10)))
  const before = filesBelow('tile').length
  const gone = await log.collectPartials()
  assert.ok(gone > 40)
  assert.equal(filesBelow('tile').length, before - gone)
  assert.deepEqual(filesBelow('tile/0/000.p'), [])
  assert.ok(filesBelow('tile/0/001.p').length > 0)
  assert.equal(await log.collectPartials(), 0)
  const seen = readPublicLog(store)
  assert.equal((await log.append(testEntry(3))).index, 3n)
  assert.equal((await log.consistencyProof(10n, 200n)).length > 0, true)
  assert.equal(seen.size, 300n)
  await log.close()
})

test('partial tiles stay where the full one is missing', async () => {
  const log = await store.open()
  await appendAll(log, 0, 10)
  await appendAll(log, 10, 300)
  store.blobs.objects.delete('logs/test/tile/0/000')
  await log.collectPartials()
  assert.deepEqual(filesBelow('tile/0/000.p'), ['logs/test/tile/0/000.p/10'])
  assert.deepEqual(filesBelow('tile/entries/000.p'), [])
  await log.close()
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
  const [key] = filesBelow('issuer/')
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

test('a staged bundle that is gone or changed when it is needed: refuses to open', async () => {
  const log = await store.open()
  store.blobs.plan = (point) => (point === 'log.tile' ? { fault: 'lost', error: new Error('planned') } : undefined)
  await assert.rejects(log.append(testEntry(1)))
  store.blobs.plan = undefined
  await log.close()
  const [key] = filesBelow('staging/')
  assert.ok(key)
  const good = store.blobs.objects.get(key) as Uint8Array
  store.blobs.objects.set(
    key,
    good.map((byte, at) => (at === good.length - 1 ? byte ^ 1 : byte)),
  )
  await assert.rejects(store.open(), { code: 'log.files-wrong' })
  store.blobs.objects.delete(key)
  await assert.rejects(store.open(), { code: 'log.files-missing' })
  store.blobs.objects.set(key, good)
  assert.equal((await (await store.open()).append(testEntry(1))).index, 0n)
})
