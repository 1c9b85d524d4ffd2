import type { Migration } from '@countersign/platform/database/migrate.ts'

/** The tables of this folder. */
export const logMigrations: readonly Migration[] = [
  {
    id: 'log.001',
    async up(trx) {
      await trx.schema
        .createTable('log')
        .addColumn('name', 'text', (name) => name.primaryKey())
        .addColumn('size', 'integer', (size) => size.notNull())
        .addColumn('note', 'text', (note) => note.notNull())
        .addColumn('time_ms', 'integer', (time) => time.notNull())
        .addColumn('staging', 'text')
        .execute()
      await trx.schema
        .createTable('log_key_tile')
        .addColumn('log', 'text', (log) => log.notNull())
        .addColumn('tile', 'integer', (tile) => tile.notNull())
        .addColumn('keys', 'blob', (keys) => keys.notNull())
        .addPrimaryKeyConstraint('log_key_tile_key', ['log', 'tile'])
        .execute()
    },
  },
]
