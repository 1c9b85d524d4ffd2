import type { Migration } from '@countersign/platform/database/migrate.ts'
import { type Kysely, sql } from 'kysely'

/** The schema of the artifacts folder, forward only. */
export const artifactsMigrations: readonly Migration[] = [
  {
    id: 'artifacts.001',
    async up(trx) {
      await createSubmissions(trx)
      await createCertifications(trx)
      await createFindings(trx)
    },
  },
  {
    id: 'artifacts.002',
    async up(trx) {
      await sql`CREATE INDEX artifacts_certifications_product ON artifacts_certifications (product, stored_ms)`.execute(
        trx,
      )
    },
  },
  {
    id: 'artifacts.003',
    async up(trx) {
      await keyByComponent(trx)
    },
  },
]

async function createSubmissions(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('artifacts_stored')
    .addColumn('sha256', 'text', (column) => column.primaryKey())
    .addColumn('size_bytes', 'integer', (column) => column.notNull())
    .addColumn('issuer', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('stored_ms', 'integer', (column) => column.notNull())
    .execute()
  await sql`CREATE INDEX artifacts_stored_by ON artifacts_stored (issuer, subject, size_bytes)`.execute(trx)
  await trx.schema
    .createTable('artifacts_submissions')
    .addColumn('seq', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('id', 'text', (column) => column.notNull().unique())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('size_bytes', 'integer', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('signature_sha256', 'text', (column) => column.notNull())
    .addColumn('product', 'text')
    .addColumn('version', 'text')
    .addColumn('validator', 'text', (column) => column.notNull())
    .addColumn('issuer', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('submitted_ms', 'integer', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('open', 'integer', (column) => column.notNull())
    .addColumn('verdict', 'text')
    .addColumn('decision', 'text')
    .addColumn('failure', 'text')
    .addColumn('certification_number', 'text')
    .addColumn('revision', 'integer', (column) => column.notNull())
    .execute()
  await sql`CREATE INDEX artifacts_submissions_same ON artifacts_submissions (sha256, validator)`.execute(trx)
  await sql`CREATE INDEX artifacts_submissions_open ON artifacts_submissions (validator, seq) WHERE open = 1`.execute(
    trx,
  )
  await sql`CREATE INDEX artifacts_submissions_person ON artifacts_submissions (issuer, subject) WHERE open = 1`.execute(
    trx,
  )
}

async function createCertifications(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('artifacts_certifications')
    .addColumn('authority', 'text', (column) => column.notNull())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('product', 'text', (column) => column.notNull())
    .addColumn('version', 'text', (column) => column.notNull())
    .addColumn('validator', 'text', (column) => column.notNull())
    .addColumn('not_after_ms', 'integer', (column) => column.notNull())
    .addColumn('signature_sha256', 'text', (column) => column.notNull())
    .addColumn('certification_sha256', 'text', (column) => column.notNull())
    .addColumn('sbom_sha256', 'text', (column) => column.notNull())
    .addColumn('findings_sha256', 'text', (column) => column.notNull())
    .addColumn('stored_ms', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('artifacts_certifications_key', ['authority', 'number'])
    .execute()
  await sql`CREATE INDEX artifacts_certifications_digest ON artifacts_certifications (sha256)`.execute(trx)
  await sql`CREATE INDEX artifacts_certifications_validator ON artifacts_certifications (validator, number)`.execute(
    trx,
  )
}

async function createFindings(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('artifacts_validators')
    .addColumn('validator', 'text', (column) => column.primaryKey())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('told_ms', 'integer', (column) => column.notNull())
    .execute()
  await trx.schema
    .createTable('artifacts_advisories')
    .addColumn('validator', 'text', (column) => column.notNull())
    .addColumn('advisory', 'text', (column) => column.notNull())
    .addColumn('aliases', 'text', (column) => column.notNull())
    .addColumn('told_ms', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('artifacts_advisories_key', ['validator', 'advisory'])
    .execute()
  await trx.schema
    .createTable('artifacts_advisory_names')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('validator', 'text', (column) => column.notNull())
    .addColumn('advisory', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('artifacts_advisory_names_key', ['name', 'validator', 'advisory'])
    .execute()
  await trx.schema
    .createTable('artifacts_reached')
    .addColumn('validator', 'text', (column) => column.notNull())
    .addColumn('advisory', 'text', (column) => column.notNull())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('finding', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('artifacts_reached_key', ['validator', 'advisory', 'number'])
    .execute()
}

/** One advisory can reach a certification through several components; SQLite changes a key only by another table. */
async function keyByComponent(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('artifacts_reached_by')
    .addColumn('validator', 'text', (column) => column.notNull())
    .addColumn('advisory', 'text', (column) => column.notNull())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('component', 'text', (column) => column.notNull())
    .addColumn('finding', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('artifacts_reached_key', ['validator', 'advisory', 'number', 'component'])
    .execute()
  await sql`INSERT INTO artifacts_reached_by SELECT validator, advisory, number, json_extract(finding, '$.component'), finding FROM artifacts_reached`.execute(
    trx,
  )
  await trx.schema.dropTable('artifacts_reached').execute()
  await trx.schema.alterTable('artifacts_reached_by').renameTo('artifacts_reached').execute()
}
