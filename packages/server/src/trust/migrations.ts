import type { Migration } from '@countersign/platform/database/migrate.ts'
import { type Kysely, sql } from 'kysely'

/** The schema of the trust folder, forward only. */
export const trustMigrations: readonly Migration[] = [
  {
    id: 'trust.001',
    async up(trx) {
      await createIssuers(trx)
      await createCertificates(trx)
      await createRevoked(trx)
      await trx.schema
        .createTable('trust_state')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('value', 'text', (column) => column.notNull())
        .execute()
    },
  },
]

async function createIssuers(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('trust_issuers')
    .addColumn('key_id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('generation', 'integer', (column) => column.notNull())
    .addColumn('key_name', 'text', (column) => column.notNull())
    .addColumn('issuer_key_id', 'text', (column) => column.notNull())
    .addColumn('certificate', 'blob', (column) => column.notNull())
    .addColumn('crl_shards', 'integer', (column) => column.notNull())
    .addColumn('created_ms', 'integer', (column) => column.notNull())
    .addUniqueConstraint('trust_issuers_generation', ['name', 'generation'])
    .execute()
}

/**
 * Rows are only added, in order of their id, and nothing indexes the random serials: an insert costs the same however
 * large the tables are.
 */
async function createCertificates(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('trust_certificate_intents')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('serial', 'text', (column) => column.notNull())
    .addColumn('issuer_key_id', 'text', (column) => column.notNull())
    .addColumn('identity_issuer', 'text', (column) => column.notNull())
    .addColumn('identity_subject', 'text', (column) => column.notNull())
    .addColumn('not_after_ms', 'integer', (column) => column.notNull())
    .addColumn('sct_time_ms', 'integer', (column) => column.notNull())
    .addColumn('precertificate', 'blob', (column) => column.notNull())
    .execute()
  await trx.schema
    .createTable('trust_certificate_results')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('log_index', 'integer', (column) => column.notNull().unique())
    .addColumn('certificate', 'blob', (column) => column.notNull())
    .execute()
}

async function createRevoked(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('trust_revoked')
    .addColumn('issuer_key_id', 'text', (column) => column.notNull())
    .addColumn('serial', 'text', (column) => column.notNull())
    .addColumn('shard', 'integer', (column) => column.notNull())
    .addColumn('revoked_from_ms', 'integer', (column) => column.notNull())
    .addColumn('reason', 'integer', (column) => column.notNull())
    .addColumn('recorded_ms', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('trust_revoked_key', ['issuer_key_id', 'serial'])
    .execute()
  await sql`CREATE INDEX trust_revoked_shard ON trust_revoked (issuer_key_id, shard, serial)`.execute(trx)
}
