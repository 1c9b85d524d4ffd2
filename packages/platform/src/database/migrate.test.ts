import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { Database } from './database.ts'
import { type Migration, migrate } from './migrate.ts'

let folder: string
let database: Database

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-migrate-'))
  database = Database.openFile(join(folder, 'test.sqlite'))
})

afterEach(async () => {
  await database.close()
  await rm(folder, { recursive: true })
})

function table(id: string, name: string): Migration {
  return {
    id,
    async up(trx) {
      await trx.schema.createTable(name).addColumn('id', 'integer').execute()
    },
  }
}

async function tableNames(): Promise<string[]> {
  return (await database.tables().introspection.getTables()).map((found) => found.name)
}

test('each migration runs once, also over several starts', async () => {
  await migrate(database, [table('a.001', 'first')])
  await migrate(database, [table('a.001', 'first'), table('b.001', 'second')])
  await migrate(database, [table('a.001', 'first'), table('b.001', 'second')])
  assert.deepEqual(await tableNames(), ['first', 'migration', 'second'])
})

test('a migration that fails leaves nothing, and the next start runs it again', async () => {
  const failing: Migration = {
    id: 'a.002',
    async up(trx) {
      await table('', 'half').up(trx)
      throw new Error('stopped half-way')
    },
  }
  await assert.rejects(migrate(database, [table('a.001', 'first'), failing]), /half-way/)
  assert.deepEqual(await tableNames(), ['first', 'migration'])
  await migrate(database, [table('a.001', 'first'), table('a.002', 'whole')])
  assert.deepEqual(await tableNames(), ['first', 'migration', 'whole'])
})

test('a database of a newer program is refused and stays as it is', async () => {
  await migrate(database, [table('a.001', 'first'), table('a.002', 'second')])
  const older = migrate(database, [table('a.001', 'first'), table('c.001', 'third')])
  await assert.rejects(older, { code: 'database.newer', message: /a\.002/ })
  assert.deepEqual(await tableNames(), ['first', 'migration', 'second'])
})

test('two migrations of one id are a mistake', async () => {
  await assert.rejects(migrate(database, [table('a.001', 'x'), table('a.001', 'y')]), { code: 'database.misused' })
})
