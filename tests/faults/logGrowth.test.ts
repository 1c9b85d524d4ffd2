import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testEntry, testStore } from 'countersign-server/log/testLog.ts'
import { checkAnswer, readPublicLog } from 'countersign-server/log/testPublicLog.ts'

const BORDER = 65_536

test('a log grows over the border of the third level of tiles, and is taken up there', async () => {
  const store = await testStore()
  const limits = { batchMs: 0, maxBatch: 8192, maxQueue: BORDER }
  let log = await store.open({ limits })
  await Promise.all(Array.from({ length: BORDER - 1 }, (_, number) => log.append(testEntry(number))))
  for (const number of [BORDER - 1, BORDER, BORDER + 1]) {
    await log.close()
    await store.reopenDatabase()
    log = await store.open({ limits })
    const answer = await log.append(testEntry(number))
    assert.equal(answer.index, BigInt(number))
    assert.equal(answer.proof.length, number < BORDER ? 16 : number === BORDER ? 1 : 2)
  }
  const early = await log.append(testEntry(12_345))
  assert.equal(early.index, 12_345n)
  const seen = readPublicLog(store)
  assert.equal(seen.size, BigInt(BORDER + 2))
  assert.ok(store.blobs.objects.has('logs/test/tile/2/000.p/1'))
  await checkAnswer(seen, early, testEntry(12_345).encode(0n).leaf)
  assert.deepEqual(store.blobs.violations, [])
  await log.close()
  await store.remove()
})
