import type { Migration } from '@countersign/platform/database/migrate.ts'

/** The schema of the watch folder, forward only. Runs after that of the certify folder. */
export const watchMigrations: readonly Migration[] = [
  {
    id: 'watch.001',
    async up(trx) {
      await trx.schema
        .createTable('watch_findings')
        .addColumn('certification_id', 'integer', (column) => column.notNull())
        .addColumn('advisory', 'text', (column) => column.notNull())
        .addColumn('component', 'text', (column) => column.notNull())
        .addColumn('finding', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('watch_findings_key', ['advisory', 'certification_id', 'component'])
        .execute()
      await trx.schema
        .createTable('watch_records')
        .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
        .addColumn('envelope', 'text', (column) => column.notNull())
        .addColumn('advisories', 'text', (column) => column.notNull())
        .addColumn('certifications', 'text', (column) => column.notNull())
        .addColumn('malware', 'integer', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('record', 'text')
        .addColumn('request', 'text')
        .addColumn('signed_ms', 'integer', (column) => column.notNull())
        .addColumn('logged_ms', 'integer')
        .execute()
      await trx.schema.createIndex('watch_records_state').on('watch_records').columns(['state', 'id']).execute()
    },
  },
  {
    id: 'watch.002',
    async up(trx) {
      await trx.schema
        .createTable('watch_forged')
        .addColumn('log', 'text', (column) => column.notNull())
        .addColumn('log_index', 'integer', (column) => column.notNull())
        .addColumn('authority', 'text')
        .addColumn('number', 'text')
        .addColumn('sha256', 'text')
        .addColumn('serial', 'text', (column) => column.notNull())
        .addColumn('not_after', 'text', (column) => column.notNull())
        .addColumn('ended', 'integer', (column) => column.notNull())
        .addColumn('found_ms', 'integer', (column) => column.notNull())
        .addPrimaryKeyConstraint('watch_forged_key', ['log', 'log_index'])
        .execute()
      await trx.schema
        .createTable('watch_logs')
        .addColumn('origin', 'text', (column) => column.primaryKey())
        .addColumn('next', 'integer', (column) => column.notNull())
        .execute()
      // Every certificate in our name is looked up by its key, beside rows that carry whole bundles.
      await trx.schema.createIndex('certify_certifications_spki').on('certify_certifications').column('spki').execute()
    },
  },
  {
    id: 'watch.003',
    async up(trx) {
      const records = trx.schema.alterTable('watch_records')
      await records.addColumn('known_exploited', 'integer', (column) => column.notNull().defaultTo(0)).execute()
    },
  },
]
