import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { ed25519Signer } from './signers.ts'
import { appendEntries, type TestStore, testEntry, testKey, testStore } from './testLog.ts'

let store: TestStore

beforeEach(async () => {
  store = await testStore()
})

afterEach(async () => {
  assert.deepEqual(store.blobs.violations, [])
  await store.remove()
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
  await appendEntries(log, 0, 300)
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
  await appendEntries(log, 0, 300)
  await log.close()
  await store.database.transaction<{ log_key_tile: { tile: number } }, unknown>('test.damage', (trx) =>
    trx.deleteFrom('log_key_tile').where('tile', '=', 0).execute(),
  )
  await assert.rejects(store.open(), { code: 'log.keys-missing' })
})

test('a staged bundle that is gone or changed when it is needed: refuses to open', async () => {
  const log = await store.open()
  store.blobs.plan = (point) => (point === 'log.tile' ? { fault: 'lost', error: new Error('planned') } : undefined)
  await assert.rejects(log.append(testEntry(1)))
  store.blobs.plan = undefined
  await log.close()
  const [key] = store.filesBelow('staging/')
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
