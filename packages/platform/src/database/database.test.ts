import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { CompiledQuery } from 'kysely'
import { Database } from './database.ts'

interface Tables {
  note: { id: number; text: string; flag?: boolean }
}

const CRASH_HOOK = Symbol.for('countersign.crashPoint')
const hooks = globalThis as { [CRASH_HOOK]?: (name: string) => void }

let folder: string
let database: Database

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-database-'))
  database = Database.openFile(join(folder, 'test.sqlite'))
  await database.transaction('test.schema', async (trx) => {
    await trx.schema
      .createTable('note')
      .addColumn('id', 'integer', (id) => id.primaryKey())
      .addColumn('text', 'text')
      .addColumn('flag', 'integer')
      .execute()
  })
})

afterEach(async () => {
  delete hooks[CRASH_HOOK]
  await database.close()
  await rm(folder, { recursive: true })
})

function insert(id: number, text = 'x'): Promise<number> {
  return database.commitTogether<Tables, number>('test.insert', async (trx) => {
    await trx.insertInto('note').values({ id, text }).execute()
    return id
  })
}

async function ids(): Promise<number[]> {
  const rows = await database.tables<Tables>().selectFrom('note').select('id').orderBy('id').execute()
  return rows.map((row) => row.id)
}

test('a transaction gives back what its work gives back, and is still there after reopening', async () => {
  assert.equal(await insert(1), 1)
  await database.close()
  database = Database.openFile(join(folder, 'test.sqlite'))
  assert.deepEqual(await ids(), [1])
})

test('the files are readable by their owner only', { skip: process.platform === 'win32' }, async () => {
  await insert(1)
  for (const name of ['test.sqlite', 'test.sqlite-wal']) {
    assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name)
  }
})

test('a transaction that throws leaves nothing behind and says what was thrown', async () => {
  const failing = database.transaction<Tables, void>('test.failing', async (trx) => {
    await trx.insertInto('note').values({ id: 1, text: 'x' }).execute()
    throw new Error('second thoughts')
  })
  await assert.rejects(failing, /second thoughts/)
  assert.deepEqual(await ids(), [])
})

test('callers that wait together share one commit', async () => {
  const points: string[] = []
  hooks[CRASH_HOOK] = (name) => points.push(name)
  await Promise.all(Array.from({ length: 50 }, (_, id) => insert(id)))
  assert.deepEqual(points, ['test.insert:before', 'test.insert:after'])
  assert.equal((await ids()).length, 50)
})

test('more callers than fit into one commit are spread over several', async () => {
  const points: string[] = []
  hooks[CRASH_HOOK] = (name) => points.push(name)
  await Promise.all(Array.from({ length: 1001 }, (_, id) => insert(id)))
  assert.deepEqual(points.length, 4)
})

test('a member that throws is undone alone', async () => {
  const outcomes = await Promise.allSettled([insert(1), insert(1), insert(2)])
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.equal((outcomes[1] as PromiseRejectedResult).reason.code, 'database.constraint')
  assert.deepEqual(await ids(), [1, 2])
})

test('a commit that fails fails every member, and nothing of it stays', async () => {
  hooks[CRASH_HOOK] = () => {
    throw new Error('the commit did not happen')
  }
  const outcomes = await Promise.allSettled([insert(1), insert(2)])
  delete hooks[CRASH_HOOK]
  assert.ok(outcomes.every((outcome) => outcome.status === 'rejected'))
  assert.deepEqual(await ids(), [])
  await insert(3)
  assert.deepEqual(await ids(), [3])
})

test('a read sees no transaction under way and does not wait for it', async () => {
  let finish = () => {}
  const writing = database.transaction<Tables, void>('test.slow', async (trx) => {
    await trx.insertInto('note').values({ id: 1, text: 'x' }).execute()
    await new Promise<void>((resolve) => {
      finish = resolve
    })
  })
  await new Promise((resolve) => setTimeout(resolve, 10))
  assert.deepEqual(await ids(), [])
  finish()
  await writing
  assert.deepEqual(await ids(), [1])
})

test('works run one after the other, in order of arrival, alone or together', async () => {
  const order: string[] = []
  const step = (name: string) => async () => {
    order.push(`${name} begins`)
    await new Promise((resolve) => setTimeout(resolve, 1))
    order.push(`${name} ends`)
  }
  await Promise.all([
    database.commitTogether('test.a', step('a')),
    database.transaction('test.b', step('b')),
    database.commitTogether('test.c', step('c')),
  ])
  assert.deepEqual(order, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

test('writing outside a transaction is refused', async () => {
  const writing = database.tables<Tables>().insertInto('note').values({ id: 1, text: 'x' }).execute()
  await assert.rejects(writing, { code: 'database.misused' })
})

test('a transaction inside a transaction is refused instead of waiting for itself', async () => {
  const nested = database.transaction('test.outer', () => database.transaction('test.inner', async () => {}))
  await assert.rejects(nested, { code: 'database.misused' })
})

test('work that a transaction started for later may write', async () => {
  let later: Promise<number> | undefined
  await database.transaction('test.outer', async () => {
    later = new Promise((resolve, reject) => setTimeout(() => insert(7).then(resolve, reject), 5))
  })
  assert.equal(await later, 7)
})

test('who waits inside a transaction for its end hears of it after the commit', async () => {
  let seen: Promise<number[]> | undefined
  await database.transaction<Tables, void>('test.outer', async (trx) => {
    seen = database.settled().then(ids)
    await trx.insertInto('note').values({ id: 1, text: 'x' }).execute()
  })
  assert.deepEqual(await seen, [1])
})

test('a transaction is of no use after it ended', async () => {
  let kept: { execute(): Promise<unknown> } | undefined
  await database.transaction<Tables, void>('test.kept', async (trx) => {
    kept = trx.insertInto('note').values({ id: 1, text: 'x' })
  })
  await assert.rejects(async () => kept?.execute())
  assert.deepEqual(await ids(), [])
})

test('closing lets the waiting writers finish and refuses new ones', async () => {
  const waiting = [insert(1), insert(2)]
  const closing = database.close()
  await assert.rejects(insert(3), { code: 'database.closed' })
  await closing
  assert.deepEqual(await Promise.all(waiting), [1, 2])
  await assert.rejects(ids(), { code: 'database.closed' })
})

test('a full database refuses everyone in the batch and works again when there is space', async () => {
  const pages = await database
    .tables<Tables>()
    .executeQuery<{ page_count: number }>(CompiledQuery.raw('PRAGMA page_count'))
  const limit = (pages.rows[0]?.page_count ?? 0) + 4
  const setLimit = (count: number) =>
    database.transaction('test.limit', (trx) => trx.executeQuery(CompiledQuery.raw(`PRAGMA max_page_count = ${count}`)))
  await setLimit(limit)
  const outcomes = await Promise.allSettled([insert(1), insert(2, 'y'.repeat(1_000_000)), insert(3)])
  for (const outcome of outcomes) {
    assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'database.no-space')
  }
  assert.deepEqual(await ids(), [])
  await setLimit(1_000_000)
  await insert(4)
  assert.deepEqual(await ids(), [4])
})

test('a file that is no database is refused', async () => {
  const path = join(folder, 'other')
  await writeFile(path, 'this is not a database, however long it may be'.repeat(100))
  assert.throws(() => Database.openFile(path), { code: 'database.broken' })
})

test('booleans are stored as 0 and 1, bytes come back as bytes', async () => {
  await database.transaction<Tables, void>('test.flag', async (trx) => {
    await trx.insertInto('note').values({ id: 1, text: 'x', flag: true }).execute()
  })
  const read = await database
    .tables<Tables>()
    .executeQuery(CompiledQuery.raw("SELECT flag, x'0102' AS bytes FROM note"))
  assert.deepEqual(
    read.rows.map((row) => ({ ...(row as object) })),
    [{ flag: 1, bytes: new Uint8Array([1, 2]) }],
  )
})
