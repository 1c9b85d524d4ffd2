import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { type ManualClock, manualClock } from '@countersign/local/clock/manualClock.ts'
import { Database } from '../database/database.ts'
import { migrate } from '../database/migrate.ts'
import { createLogger } from '../telemetry/logger.ts'
import { outboxMigrations } from './migrations.ts'
import { Outbox } from './outbox.ts'

const CRASH_HOOK = Symbol.for('countersign.crashPoint')
const hooks = globalThis as { [CRASH_HOOK]?: (name: string) => void }

let folder: string
let database: Database
let clock: ManualClock
let outbox: Outbox

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-outbox-'))
  database = Database.openFile(join(folder, 'test.sqlite'))
  await migrate(database, outboxMigrations)
  clock = manualClock(new Date('2026-01-01T00:00:00Z'))
  outbox = newOutbox()
})

afterEach(async () => {
  delete hooks[CRASH_HOOK]
  await outbox.stop()
  await database.close()
  await rm(folder, { recursive: true })
})

function newOutbox(): Outbox {
  return new Outbox({ database, clock, logger: createLogger({ level: 'silent', name: 'test' }) })
}

function emit(kind: string, ...payloads: number[]): Promise<void> {
  return database.transaction('test.emit', async (trx) => {
    for (const payload of payloads) await outbox.emit(trx, { kind, payload })
  })
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 1000, 'it never happened')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

test('events are handled after their commit, in order, also what an earlier process left', async () => {
  const seen: unknown[] = []
  await emit('count', 1, 2)
  outbox.on('count', async ({ payload }) => void seen.push(payload))
  outbox.start()
  await until(() => seen.length === 2)
  await emit('count', 3)
  await emit('count', 4, 5)
  await until(() => seen.length === 5)
  assert.deepEqual(seen, [1, 2, 3, 4, 5])
  await outbox.stop()
  assert.deepEqual(await outbox.status(), [{ kind: 'count', waiting: 0, failures: 0 }])
})

test('an event whose transaction is undone never happened', async () => {
  const seen: unknown[] = []
  outbox.on('count', async ({ payload }) => void seen.push(payload))
  outbox.start()
  const undone = database.transaction('test.undone', async (trx) => {
    await outbox.emit(trx, { kind: 'count', payload: 1 })
    throw new Error('second thoughts')
  })
  await assert.rejects(undone)
  await emit('count', 2)
  await until(() => seen.length > 0)
  assert.deepEqual(seen, [2])
})

test('a failing event is tried again after growing pauses, keeps its order, and holds back its own kind only', async () => {
  const attempts: number[] = []
  const seen: unknown[] = []
  outbox.on('hard', async ({ payload, attempt }) => {
    if (payload === 1) attempts.push(attempt)
    if (payload === 1 && attempt < 4) throw new Error('not yet')
    seen.push(payload)
  })
  outbox.on('easy', async ({ payload }) => void seen.push(payload))
  outbox.start()
  await emit('hard', 1, 2)
  await emit('easy', 3)
  for (const [index, pauseMs] of [500, 1000, 2000].entries()) {
    await until(() => attempts.length === index + 1 && clock.sleeping === 1)
    clock.advance(pauseMs - 1)
    await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal(attempts.length, index + 1, 'it was tried before its time')
    assert.deepEqual(
      (await outbox.status()).find((queue) => queue.kind === 'hard'),
      {
        kind: 'hard',
        waiting: 2,
        failures: index + 1,
        lastError: 'not yet',
      },
    )
    clock.advance(1)
  }
  await until(() => seen.length === 3)
  assert.deepEqual(seen, [3, 1, 2])
})

test('the pause between tries has an end', async () => {
  let attempts = 0
  outbox.on('never', async () => {
    attempts++
    throw new Error('no')
  })
  outbox.start()
  await emit('never', 1)
  for (let tries = 1; tries <= 15; tries++) {
    await until(() => attempts === tries && clock.sleeping === 1)
    clock.advance(5 * 60_000)
  }
  await until(() => attempts === 16)
})

test('a crash between handling and noting it delivers the event again', async () => {
  const seen: unknown[] = []
  const handler = async ({ payload }: { payload: unknown }) => void seen.push(payload)
  hooks[CRASH_HOOK] = (name) => {
    if (name === 'outbox.done:before') throw new Error('the process ends here')
  }
  outbox.on('count', handler)
  outbox.start()
  await emit('count', 7)
  await until(() => clock.sleeping === 1)
  await outbox.stop()
  delete hooks[CRASH_HOOK]
  outbox = newOutbox()
  outbox.on('count', handler)
  outbox.start()
  await until(() => seen.length === 2)
  await outbox.stop()
  assert.deepEqual(seen, [7, 7])
  assert.deepEqual(await outbox.status(), [{ kind: 'count', waiting: 0, failures: 0 }])
})

test('stopping waits for the handler that runs and tells it', async () => {
  let finished = false
  const began = Promise.withResolvers<void>()
  outbox.on('slow', async ({ signal }) => {
    began.resolve()
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    await new Promise((resolve) => setTimeout(resolve, 10))
    finished = true
  })
  outbox.start()
  await emit('slow', 1)
  await began.promise
  await outbox.stop()
  assert.ok(finished)
})

test('events that nobody handles stay and are counted', async () => {
  await emit('strange', 1)
  assert.deepEqual(await outbox.status(), [{ kind: 'strange', waiting: 1, failures: 0 }])
})

test('a second handler, a late handler and a second start are mistakes', () => {
  outbox.on('a', async () => {})
  assert.throws(() => outbox.on('a', async () => {}), { code: 'outbox.misused' })
  outbox.start()
  assert.throws(() => outbox.on('b', async () => {}), { code: 'outbox.misused' })
  assert.throws(() => outbox.start(), { code: 'outbox.misused' })
})
