import type { Generated } from 'kysely'
import type { Migration } from '../database/migrate.ts'

/** The table of events that are not yet handled. */
export interface OutboxTables {
  outbox: {
    id: Generated<number>
    kind: string
    /** JSON. */
    payload: string
  }
}

/** The schema of the outbox; runs before the features' own. */
export const outboxMigrations: readonly Migration[] = [
  {
    id: 'outbox.001',
    async up(trx) {
      const table = trx.schema.createTable('outbox')
      // AUTOINCREMENT: without it SQLite gives the number of a deleted last row to the next one.
      const id = table.addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      const texts = id.addColumn('kind', 'text', (column) => column.notNull())
      await texts.addColumn('payload', 'text', (column) => column.notNull()).execute()
      await trx.schema.createIndex('outbox_by_kind').on('outbox').columns(['kind', 'id']).execute()
    },
  },
]
