import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import { KnownEntries } from './knownEntries.ts'
import { commitLog, createLog } from './store.ts'
import { testStore } from './testLog.ts'

function key(number: number): Uint8Array {
  return sha256(new TextEncoder().encode(`key ${number}`))
}

test('keys added in any steps are found, now and after loading again; a key that agrees in part is not', async () => {
  const store = await testStore()
  const row = { size: 0, note: 'note 0', time_ms: 1, staging: null }
  await createLog(store.database, 'audit', row)
  const known = await KnownEntries.load(store.database, 'audit', 0)
  let size = 0
  for (const step of [1, 254, 1, 1, 600, 0, 3]) {
    const keys = Array.from({ length: step }, (_, at) => key(size + at))
    const next = { ...row, size: size + step, note: `note ${size + step}` }
    await commitLog(store.database, 'audit', `note ${size}`, next, known.tilesWith(keys))
    known.add(keys)
    size += step
  }
  const close = key(5)
  close[31] = (close[31] ?? 0) ^ 1
  const wanted = [key(0), key(255), key(256), key(859), key(860), close]
  const expected = [0, 255, 256, 859, undefined, undefined]
  assert.deepEqual(await known.find(wanted), expected)
  assert.deepEqual(await (await KnownEntries.load(store.database, 'audit', size)).find(wanted), expected)
  await assert.rejects(KnownEntries.load(store.database, 'audit', size + 1), { code: 'log.keys-missing' })
  await store.remove()
})

test('the commit point moves on only from the note that was read', async () => {
  const store = await testStore()
  const row = { size: 0, note: 'old', time_ms: 1, staging: null }
  await createLog(store.database, 'audit', row)
  await commitLog(store.database, 'audit', 'old', { ...row, note: 'new' }, [])
  await assert.rejects(
    commitLog(store.database, 'audit', 'old', { ...row, note: 'other' }, [{ tile: 0, keys: key(1) }]),
    {
      code: 'log.lost-race',
    },
  )
  await KnownEntries.load(store.database, 'audit', 0)
  await store.remove()
})
