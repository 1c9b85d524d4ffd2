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
  {
    id: 'trust.002',
    async up(trx) {
      await createCertifications(trx)
      await createRevocations(trx)
    },
  },
  {
    id: 'trust.003',
    async up(trx) {
      await trx.schema
        .createTable('trust_unrecorded')
        .addColumn('log_index', 'integer', (column) => column.primaryKey())
        .addColumn('authority', 'text', (column) => column.notNull())
        .addColumn('number', 'text', (column) => column.notNull())
        .addColumn('sha256', 'text', (column) => column.notNull())
        .addColumn('subject', 'text', (column) => column.notNull())
        .addColumn('serial', 'text', (column) => column.notNull())
        .addColumn('not_after_ms', 'integer', (column) => column.notNull())
        .addColumn('found_ms', 'integer', (column) => column.notNull())
        .addColumn('ended_by', 'integer')
        .execute()
      const index = trx.schema.createIndex('trust_unrecorded_number').on('trust_unrecorded')
      await index.columns(['authority', 'number']).execute()
      await trx.schema.alterTable('trust_revocations').addColumn('automatic_by', 'text').execute()
      await sql`CREATE INDEX trust_revocations_automatic ON trust_revocations (automatic_by, written_ms) WHERE automatic_by IS NOT NULL`.execute(
        trx,
      )
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

async function createCertifications(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('trust_certifications')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('authority', 'text', (column) => column.notNull())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('key_id', 'text', (column) => column.notNull().unique())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('validator', 'text', (column) => column.notNull())
    .addColumn('not_before_ms', 'integer', (column) => column.notNull())
    .addColumn('not_after_ms', 'integer', (column) => column.notNull())
    .addColumn('ended_by', 'integer')
    .addUniqueConstraint('trust_certifications_number', ['authority', 'number'])
    .execute()
  await sql`CREATE INDEX trust_certifications_digest ON trust_certifications (sha256)`.execute(trx)
  await sql`CREATE INDEX trust_certifications_active ON trust_certifications (not_after_ms) WHERE ended_by IS NULL`.execute(
    trx,
  )
}

async function createRevocations(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('trust_revocations')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('leaf', 'blob', (column) => column.notNull())
    .addColumn('payload_hash', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('blocked', 'text')
    .addColumn('reach', 'text', (column) => column.notNull())
    .addColumn('written_ms', 'integer', (column) => column.notNull())
    .addColumn('log_index', 'integer')
    // One payload is logged once as an announcement at most, and takes effect once at most.
    .addUniqueConstraint('trust_revocations_payload', ['payload_hash', 'kind'])
    .execute()
  await sql`CREATE INDEX trust_revocations_blocked ON trust_revocations (blocked) WHERE blocked IS NOT NULL`.execute(
    trx,
  )
  await sql`CREATE INDEX trust_revocations_open ON trust_revocations (id) WHERE log_index IS NULL`.execute(trx)
  await trx.schema
    .createTable('trust_revocation_requests')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('payload', 'blob', (column) => column.notNull())
    .addColumn('payload_hash', 'text', (column) => column.notNull().unique())
    .addColumn('requested_by', 'text', (column) => column.notNull())
    .addColumn('requested_ms', 'integer', (column) => column.notNull())
    .addColumn('required', 'integer', (column) => column.notNull())
    .addColumn('reach', 'text', (column) => column.notNull())
    .addColumn('announcement', 'integer')
    .addColumn('record', 'integer')
    .execute()
  await trx.schema
    .createTable('trust_revocation_approvals')
    .addColumn('request', 'text', (column) => column.notNull())
    .addColumn('key_id', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('signature', 'blob', (column) => column.notNull())
    .addColumn('approved_ms', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('trust_revocation_approvals_key', ['request', 'key_id'])
    .execute()
}
