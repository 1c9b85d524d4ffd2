import type { Transaction } from 'kysely'
import type { Database } from './database.ts'
import { databaseError } from './errors.ts'

/** One step of the schema. Once released it never changes; a mistake is corrected by a later step. */
export interface Migration {
  /** `<folder>.<number>`, for example `log.001`. */
  readonly id: string
  /** Makes the change. Runs once, in one transaction with the note that it ran. */
  up(trx: Transaction<unknown>): Promise<void>
}

interface MigrationTables {
  migration: { id: string }
}

/**
 * Brings the schema up to date: runs, in the order given, what has not run yet. Forward only; each step is durable by itself,
 * so a crash between two steps is repaired by the next start.
 * Throws `database.newer` where the database knows steps that this program does not, before anything is changed.
 */
export async function migrate(database: Database, migrations: readonly Migration[]): Promise<void> {
  await database.transaction('database.migrations', async (trx) => {
    await trx.schema
      .createTable('migration')
      .ifNotExists()
      .addColumn('id', 'text', (id) => id.primaryKey())
      .execute()
  })
  const applied = await database.tables<MigrationTables>().selectFrom('migration').select('id').execute()
  const done = new Set(applied.map((row) => row.id))
  refuseUnknown(done, migrations)
  for (const migration of migrations) {
    if (done.has(migration.id)) continue
    await database.transaction<MigrationTables, void>('database.migration', async (trx) => {
      await migration.up(trx as Transaction<unknown>)
      await trx.insertInto('migration').values({ id: migration.id }).execute()
    })
  }
}

function refuseUnknown(done: ReadonlySet<string>, migrations: readonly Migration[]): void {
  const known = new Set(migrations.map((migration) => migration.id))
  if (known.size !== migrations.length) throw databaseError('database.misused', 'two migrations have the same id')
  const unknown = [...done].filter((id) => !known.has(id))
  if (unknown.length === 0) return
  throw databaseError('database.newer', `the database has steps this program does not know: ${unknown.join(', ')}`)
}
