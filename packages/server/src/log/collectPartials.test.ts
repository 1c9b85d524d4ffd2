import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { appendEntries, type TestStore, testEntry, testStore } from './testLog.ts'
import { readPublicLog } from './testPublicLog.ts'
import type { Appended } from './transparencyLog.ts'

let store: TestStore

beforeEach(async () => {
  store = await testStore()
})

afterEach(async () => {
  assert.deepEqual(store.blobs.violations, [])
  await store.remove()
})

test('partial tiles go once the full ones are published, and proofs of old sizes still work', async () => {
  const log = await store.open()
  const answers: Appended[] = []
  for (let step = 0; step < 30; step++) answers.push(...(await appendEntries(log, answers.length, 10)))
  const before = store.filesBelow('tile').length
  const gone = await log.collectPartials()
  assert.ok(gone > 40)
  assert.equal(store.filesBelow('tile').length, before - gone)
  assert.deepEqual(store.filesBelow('tile/0/000.p'), [])
  assert.ok(store.filesBelow('tile/0/001.p').length > 0)
  assert.equal(await log.collectPartials(), 0)
  const seen = readPublicLog(store)
  assert.equal((await log.append(testEntry(3))).index, 3n)
  assert.equal((await log.consistencyProof(10n, 200n)).length > 0, true)
  assert.equal(seen.size, 300n)
  await log.close()
})

test('partial tiles stay where the full one is missing', async () => {
  const log = await store.open()
  await appendEntries(log, 0, 10)
  await appendEntries(log, 10, 300)
  store.blobs.objects.delete('logs/test/tile/0/000')
  await log.collectPartials()
  assert.deepEqual(store.filesBelow('tile/0/000.p'), ['logs/test/tile/0/000.p/10'])
  assert.deepEqual(store.filesBelow('tile/entries/000.p'), [])
  await log.close()
})
