import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { verifyCosignatures } from '@countersign/protocol/log/cosignature.ts'
import { parseNote } from '@countersign/protocol/log/note.ts'
import { type TestStore, testEntry, testStore } from './testLog.ts'

let store: TestStore

beforeEach(async () => {
  store = await testStore()
})

afterEach(async () => {
  assert.deepEqual(store.blobs.violations, [])
  await store.remove()
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
