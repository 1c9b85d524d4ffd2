import assert from 'node:assert/strict'
import { test } from 'node:test'
import { migrate } from '@countersign/platform/database/migrate.ts'
import { decodeEntryBundle } from '@countersign/protocol/log/entryBundle.ts'
import { logMigrations } from '../../log/migrations.ts'
import { testKey, testStore } from '../../log/testLog.ts'
import { accountMigrations } from '../migrations.ts'
import { createAuditTrail } from './auditTrail.ts'

test('entries stand in the real log, in order, as the bytes that the database remembers', async (t) => {
  const store = await testStore()
  t.after(() => store.remove())
  await migrate(store.database, [...logMigrations, ...accountMigrations])
  const log = await store.open()
  const trail = await createAuditTrail({ log, database: store.database, clock: store.clock })
  await trail.record({ kind: 'login', actor: { sub: 'a' }, detail: { flow: 'device' } })
  await trail.watchKey(testKey('ecdsa-p256')).sign(new Uint8Array([1]))
  await trail.refusal({ code: 'account.token-expired' })
  await trail.flush({ all: true })
  const lines = (await trail.read({ limit: 10 })).lines.sort((a, b) => Number(a.index) - Number(b.index))
  assert.deepEqual(lines.map(({ kind }) => kind).sort(), ['key.interval', 'login', 'refusal.unknown'])
  assert.equal(log.head().size, 3n)
  const stored = decodeEntryBundle((await log.readEntries(0n, 3))!, { maxEntries: 256 })
  assert.deepEqual(
    stored.map((entry) => entry.toBase64()),
    lines.map(({ leaf }) => leaf),
  )
  await log.close()

  const reopened = await store.open()
  await createAuditTrail({ log: reopened, database: store.database, clock: store.clock })
  assert.equal(reopened.head().size, 3n, 'a restart adds nothing')
  await reopened.close()
})
