import type { Migration } from '@countersign/platform/database/migrate.ts'
import { type Kysely, sql } from 'kysely'

/** The schema of the fleet folder, forward only. */
export const fleetMigrations: readonly Migration[] = [
  {
    id: 'fleet.001',
    async up(trx) {
      await createMembers(trx)
      await createDevices(trx)
      await createReleases(trx)
    },
  },
]

async function createMembers(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('fleet_members')
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('group_name', 'text', (column) => column.notNull())
    .addColumn('same_operator', 'integer', (column) => column.notNull())
    .addColumn('created_ms', 'integer', (column) => column.notNull())
    .addColumn('last_seen_ms', 'integer')
    .addPrimaryKeyConstraint('fleet_members_key', ['kind', 'name'])
    .execute()
  await trx.schema
    .createTable('fleet_tickets')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('secret_hash', 'text', (column) => column.notNull().unique())
    .addColumn('expires_ms', 'integer', (column) => column.notNull())
    .addColumn('key_id', 'text')
    .addColumn('serial', 'text')
    .execute()
  await sql`CREATE INDEX fleet_tickets_name ON fleet_tickets (name)`.execute(trx)
  await trx.schema
    .createTable('fleet_certificates')
    .addColumn('serial', 'text', (column) => column.primaryKey())
    .addColumn('issuer_key_id', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('key_id', 'text', (column) => column.notNull())
    .addColumn('certificate', 'blob', (column) => column.notNull())
    .addColumn('issued_ms', 'integer', (column) => column.notNull())
    .addColumn('not_after_ms', 'integer', (column) => column.notNull())
    .addColumn('superseded_ms', 'integer')
    .addColumn('revoked', 'integer', (column) => column.notNull())
    .execute()
  await sql`CREATE INDEX fleet_certificates_name ON fleet_certificates (kind, name)`.execute(trx)
}

async function createDevices(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('fleet_assignments')
    .addColumn('to_kind', 'text', (column) => column.notNull())
    .addColumn('to_name', 'text', (column) => column.notNull())
    .addColumn('product', 'text', (column) => column.notNull())
    .addColumn('channel', 'text', (column) => column.notNull())
    .addColumn('pinned', 'text')
    .addPrimaryKeyConstraint('fleet_assignments_key', ['to_kind', 'to_name'])
    .execute()
  await trx.schema
    .createTable('fleet_reports')
    .addColumn('device', 'text', (column) => column.primaryKey())
    .addColumn('report', 'text', (column) => column.notNull())
    .addColumn('signature', 'text', (column) => column.notNull())
    .addColumn('received_ms', 'integer', (column) => column.notNull())
    .addColumn('counter', 'integer', (column) => column.notNull())
    .addColumn('acknowledged', 'integer', (column) => column.notNull())
    .addColumn('tuf_root', 'integer', (column) => column.notNull())
    .addColumn('tuf_targets', 'integer', (column) => column.notNull())
    .addColumn('tuf_timestamp', 'integer', (column) => column.notNull())
    .addColumn('went_back', 'text')
    .addColumn('went_back_ms', 'integer')
    .execute()
  await trx.schema
    .createTable('fleet_running')
    .addColumn('device', 'text', (column) => column.notNull())
    .addColumn('authority', 'text', (column) => column.notNull())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('fleet_running_key', ['device', 'authority', 'number'])
    .execute()
  await sql`CREATE INDEX fleet_running_number ON fleet_running (authority, number)`.execute(trx)
}

async function createReleases(trx: Kysely<unknown>): Promise<void> {
  await trx.schema
    .createTable('fleet_releases')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('product', 'text', (column) => column.notNull())
    .addColumn('channel', 'text', (column) => column.notNull())
    .addColumn('counter', 'integer', (column) => column.notNull())
    .addColumn('version', 'text', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('target', 'blob', (column) => column.notNull())
    .addColumn('written_ms', 'integer', (column) => column.notNull())
    .addColumn('published_ms', 'integer')
    .addUniqueConstraint('fleet_releases_counter', ['product', 'channel', 'counter'])
    .execute()
  await trx.schema
    .createTable('fleet_release_files')
    .addColumn('release_id', 'integer', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('fleet_release_files_key', ['release_id', 'sha256'])
    .execute()
  await sql`CREATE INDEX fleet_release_files_digest ON fleet_release_files (sha256)`.execute(trx)
}
