import type { Migration } from '@countersign/platform/database/migrate.ts'
import { type Kysely, sql } from 'kysely'

/** The schema of the certify folder, forward only. */
export const certifyMigrations: readonly Migration[] = [
  {
    id: 'certify.001',
    async up(trx) {
      await createSubmissions(trx)
      await createCatalogues(trx)
      await createCertifications(trx)
    },
  },
  {
    id: 'certify.002',
    async up(trx) {
      const certifications = () => trx.schema.alterTable('certify_certifications')
      await certifications().addColumn('catalogue_before', 'integer').execute()
      await certifications().addColumn('doubts', 'text').execute()
    },
  },
  {
    id: 'certify.003',
    async up(trx) {
      await trx.schema.alterTable('certify_submissions').addColumn('operator', 'text').execute()
      // Asked before every look for work, among all submissions that there ever were.
      await sql`CREATE INDEX certify_submissions_untold ON certify_submissions (changed_ms) WHERE told = 0`.execute(trx)
    },
  },
  {
    id: 'certify.004',
    async up(trx) {
      await trx.schema.alterTable('certify_submissions').addColumn('scan', 'text').execute()
    },
  },
]

async function createSubmissions(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('certify_submissions')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('size_bytes', 'integer', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('signature_sha256', 'text', (column) => column.notNull())
    .addColumn('signature', 'text', (column) => column.notNull())
    .addColumn('product', 'text')
    .addColumn('version', 'text')
    .addColumn('submitted_by', 'text', (column) => column.notNull())
    .addColumn('submitted_at', 'text', (column) => column.notNull())
    .addColumn('stage', 'text', (column) => column.notNull())
    .addColumn('catalogue_id', 'integer')
    .addColumn('verdict', 'text')
    .addColumn('decision', 'text')
    .addColumn('failure', 'text')
    .addColumn('told', 'integer', (column) => column.notNull())
    .addColumn('changed_ms', 'integer', (column) => column.notNull())
    .execute()
}

async function createCatalogues(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('certify_catalogues')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('scanner', 'text', (column) => column.notNull())
    .addColumn('catalogue', 'text', (column) => column.notNull())
    .execute()
  await trx.schema.createIndex('certify_catalogues_sha256').on('certify_catalogues').column('sha256').execute()
}

async function createCertifications(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('certify_certifications')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('submission_id', 'text', (column) => column.notNull().unique())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('product', 'text', (column) => column.notNull())
    .addColumn('version', 'text', (column) => column.notNull())
    .addColumn('catalogue_id', 'integer', (column) => column.notNull())
    .addColumn('advisory_state', 'integer', (column) => column.notNull())
    .addColumn('spki', 'blob', (column) => column.notNull())
    .addColumn('proof', 'blob', (column) => column.notNull())
    .addColumn('not_after', 'text', (column) => column.notNull())
    .addColumn('statements', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('authority', 'text')
    .addColumn('number', 'text')
    .addColumn('certificate', 'blob')
    .addColumn('timestamps', 'text')
    .addColumn('bundles', 'text')
    .addColumn('created_ms', 'integer', (column) => column.notNull())
    .execute()
  const index = trx.schema.createIndex('certify_certifications_state').on('certify_certifications')
  await index.columns(['state', 'id']).execute()
}
