import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { manualClock } from '@countersign/local/clock/manualClock.ts'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { parseAuditRecord, saltedHash } from '@countersign/protocol/log/auditRecord.ts'
import { leafHash, nodeHash, sha256 } from '@countersign/protocol/log/merkle.ts'
import type { AccountTables } from '../accountTables.ts'
import { openTestStores } from '../testAccount.ts'
import { type AuditDeps, createAuditTrail } from './auditTrail.ts'

async function setUp(t: TestContext) {
  const clock = manualClock(new Date('2026-05-01T10:00:00.000Z'))
  const stores = await openTestStores(t, clock)
  const deps: AuditDeps = stores
  return { ...stores, deps, clock, trail: await createAuditTrail(deps) }
}

test('the leaf shows salted hashes only, and an auditor can open them with the values in the database', async (t) => {
  const { trail, log } = await setUp(t)
  const actor = { sub: 'a1', email: 'me@example.org' }
  const { index } = await trail.record({ kind: 'login', actor, detail: { flow: 'device' } })
  assert.equal(index, 0n)
  const text = new TextDecoder().decode(log.leaves[0])
  assert.doesNotMatch(text, /example|device/)
  const record = parseAuditRecord(log.leaves[0]!)
  assert.equal(record.kind, 'login')
  assert.equal(record.at.toISOString(), '2026-05-01T10:00:00.000Z')
  const { lines } = await trail.read({ limit: 10 })
  const line = lines[0]!
  assert.equal(line.index, '0')
  assert.deepEqual(line.actor, actor)
  const actorSalt = Uint8Array.fromBase64(line.actorSalt!)
  const detailSalt = Uint8Array.fromBase64(line.detailSalt!)
  assert.deepEqual(saltedHash(actorSalt, actor), record.actorHash)
  assert.deepEqual(saltedHash(detailSalt, { flow: 'device' }), record.detailHash)
  assert.notDeepEqual(actorSalt, detailSalt)
})

test('an entry whose way to the log was cut off is appended by the next start with the same bytes', async (t) => {
  const { trail, deps, log } = await setUp(t)
  log.down = true
  await assert.rejects(trail.record({ kind: 'login', actor: 'a', detail: {} }), /down/)
  const before = (await trail.read({ limit: 10 })).lines[0]!
  assert.equal(before.index, undefined)
  log.down = false
  const restarted = await createAuditTrail(deps)
  assert.equal(log.leaves.length, 1)
  assert.equal(log.leaves[0]!.toBase64(), before.leaf)
  assert.equal((await restarted.read({ limit: 10 })).lines[0]!.index, '0')
})

test('a crash between append and note gives no second leaf', async (t) => {
  const { trail, deps, log, database } = await setUp(t)
  await trail.record({ kind: 'login', actor: 'a', detail: {} })
  await database.transaction<AccountTables, void>('test.forget', async (trx) => {
    await trx.updateTable('account_audit_entries').set({ log_index: null }).execute()
  })
  const restarted = await createAuditTrail(deps)
  assert.equal(log.leaves.length, 1)
  assert.equal((await restarted.read({ limit: 10 })).lines[0]!.index, '0')
})

test('an intent of a transaction that is undone leaves no entry', async (t) => {
  const { trail, database, deps, log } = await setUp(t)
  const work = database.transaction<AccountTables, void>('test.undone', async (trx) => {
    await trail.intend(trx, { kind: 'person.removed', actor: 'a', detail: {} })
    throw new Error('undone')
  })
  await assert.rejects(work, /undone/)
  await createAuditTrail(deps)
  assert.equal(log.leaves.length, 0)
})

test('refusals of strangers become one entry per minute and code; of known callers one each', async (t) => {
  const { trail, log, clock } = await setUp(t)
  for (let i = 0; i < 500; i += 1) await trail.refusal({ code: 'account.token-expired' })
  await trail.refusal({ code: 'account.token-issuer' })
  await trail.refusal({ code: 'account.token-audience', caller: { sub: 'a1' } })
  assert.equal(log.leaves.length, 1)
  await trail.flush()
  assert.equal(log.leaves.length, 1)
  clock.advance(60_000)
  await trail.flush()
  await trail.flush()
  assert.equal(log.leaves.length, 3)
  const { lines } = await trail.read({ kind: 'refusal.unknown', limit: 10 })
  assert.deepEqual(lines.map(({ detail }) => detail).sort(byCode), [
    { code: 'account.token-expired', count: 500, minute: '2026-05-01T10:00:00.000Z' },
    { code: 'account.token-issuer', count: 1, minute: '2026-05-01T10:00:00.000Z' },
  ])
})

function byCode(one: unknown, other: unknown): number {
  return (one as { code: string }).code < (other as { code: string }).code ? -1 : 1
}

test('counts survive a flush that could not reach the log', async (t) => {
  const { trail, log } = await setUp(t)
  await trail.refusal({ code: 'account.token-expired' })
  log.down = true
  await assert.rejects(trail.flush({ all: true }), /down/)
  log.down = false
  await trail.flush()
  assert.equal(log.leaves.length, 1)
})

test('a loud key signs only after its use is in the log', async (t) => {
  const { trail, log, keys } = await setUp(t)
  const inner = await keys.create('root', 'ecdsa-p384')
  const order: string[] = []
  log.onAppend = () => order.push('logged')
  const sign = (message: Uint8Array) => {
    order.push('signed')
    return inner.sign(message)
  }
  const spied: SigningKey = { ...inner, sign }
  const loud = trail.loudKey(spied, 'certificate of an issuing CA')
  await loud.sign(new Uint8Array([1, 2, 3]))
  assert.deepEqual(order, ['logged', 'signed'])
  const { lines } = await trail.read({ kind: 'key.used', limit: 10 })
  assert.deepEqual(lines[0]!.detail, {
    purpose: 'certificate of an issuing CA',
    sha256: sha256(new Uint8Array([1, 2, 3])).toHex(),
  })
  log.down = true
  await assert.rejects(loud.sign(new Uint8Array([4])), /down/)
  assert.equal(order.length, 2)
})

test('a watched key gets one entry per interval, in the clear, with the Merkle root of what it signed', async (t) => {
  const { trail, log, keys, clock } = await setUp(t)
  const key = await keys.create('timestamps', 'ecdsa-p256')
  const watched = trail.watchKey(key)
  const messages = [1, 2, 3].map((n) => new Uint8Array([n]))
  for (const message of messages) {
    await watched.sign(message)
    clock.advance(1000)
  }
  assert.equal(log.leaves.length, 0)
  await trail.flush()
  const [a, b, c] = messages.map((message) => leafHash(message))
  assert.deepEqual(log.json(0), {
    v: 1,
    kind: 'key.interval',
    at: '2026-05-01T10:00:03.000Z',
    actor: { key: key.keyId, name: 'timestamps' },
    detail: {
      count: 3,
      first: '2026-05-01T10:00:00.000Z',
      last: '2026-05-01T10:00:02.000Z',
      root: nodeHash(nodeHash(a!, b!), c!).toBase64(),
    },
  })
  await trail.flush()
  assert.equal(log.leaves.length, 1, 'an interval without signatures has no entry')
})

test("signatures by the audit log's own keys never cause an entry", async (t) => {
  const { deps, log, keys } = await setUp(t)
  const own = await keys.create('audit-log', 'ed25519')
  const trail = await createAuditTrail({ ...deps, ownKeyIds: new Set([own.keyId]) })
  assert.equal(trail.watchKey(own), own)
  assert.equal(trail.loudKey(own, 'checkpoint'), own)
  await trail.watchKey(own).sign(new Uint8Array(1))
  await trail.flush({ all: true })
  assert.equal(log.leaves.length, 0)
})

test('auditors read pages, newest first, by kind and time', async (t) => {
  const { trail, clock } = await setUp(t)
  for (let i = 0; i < 5; i += 1) {
    await trail.record({ kind: i % 2 === 0 ? 'login' : 'person.invited', actor: i, detail: {} })
    clock.advance(60_000)
  }
  const first = await trail.read({ limit: 2 })
  assert.deepEqual(
    first.lines.map(({ actor }) => actor),
    [4, 3],
  )
  const second = await trail.read({ limit: 2, before: Number(first.before) })
  assert.deepEqual(
    second.lines.map(({ actor }) => actor),
    [2, 1],
  )
  const third = await trail.read({ limit: 2, before: Number(second.before) })
  assert.deepEqual(
    third.lines.map(({ actor }) => actor),
    [0],
  )
  assert.equal(third.before, undefined)
  const logins = await trail.read({
    kind: 'login',
    from: new Date('2026-05-01T10:01:00Z'),
    until: new Date('2026-05-01T10:04:00Z'),
    limit: 10,
  })
  assert.deepEqual(
    logins.lines.map(({ actor }) => actor),
    [2],
  )
})
