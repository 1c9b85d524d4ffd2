import type { Migration } from '@countersign/platform/database/migrate.ts'
import { sql } from 'kysely'

/** The tables of the account folder, in the order of their making. `AccountTables` is what they have become. */
export const accountMigrations: readonly Migration[] = [
  {
    id: 'account.001',
    async up(trx) {
      const { schema } = trx
      await schema
        .createTable('account_audit_entries')
        .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('at_ms', 'integer', (column) => column.notNull())
        .addColumn('actor', 'text', (column) => column.notNull())
        .addColumn('detail', 'text', (column) => column.notNull())
        .addColumn('actor_salt', 'blob')
        .addColumn('detail_salt', 'blob')
        .addColumn('leaf', 'blob', (column) => column.notNull())
        .addColumn('log_index', 'integer')
        .execute()
      await schema.createIndex('account_audit_by_kind').on('account_audit_entries').columns(['kind', 'id']).execute()
      await schema.createIndex('account_audit_by_time').on('account_audit_entries').column('at_ms').execute()
      await schema
        .createIndex('account_audit_unfinished')
        .on('account_audit_entries')
        .column('id')
        .where(sql<boolean>`log_index is null`)
        .execute()
      await schema
        .createTable('account_people')
        .addColumn('sub', 'text', (column) => column.primaryKey())
        .addColumn('email', 'text', (column) => column.notNull().unique())
        .addColumn('since_ms', 'integer', (column) => column.notNull())
        .execute()
      await schema
        .createTable('account_invitations')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('email', 'text', (column) => column.notNull())
        .addColumn('code_hash', 'blob', (column) => column.notNull())
        .addColumn('expires_ms', 'integer', (column) => column.notNull())
        .addColumn('failures', 'integer', (column) => column.notNull().defaultTo(0))
        .execute()
      await schema
        .createTable('account_browser_sessions')
        .addColumn('token_hash', 'blob', (column) => column.primaryKey())
        .addColumn('sub', 'text', (column) => column.notNull().references('account_people.sub').onDelete('cascade'))
        .addColumn('expires_ms', 'integer', (column) => column.notNull())
        .execute()
      await schema.createIndex('account_browser_sessions_by_sub').on('account_browser_sessions').column('sub').execute()
      await schema
        .createTable('account_provider_records')
        .addColumn('model', 'text', (column) => column.notNull())
        .addColumn('key', 'text', (column) => column.notNull())
        .addColumn('payload', 'text', (column) => column.notNull())
        .addColumn('expires_ms', 'integer')
        .addColumn('grant_id', 'text')
        .addColumn('account_id', 'text')
        .addColumn('lookup', 'text')
        .addPrimaryKeyConstraint('account_provider_records_key', ['model', 'key'])
        .execute()
      for (const column of ['grant_id', 'account_id', 'lookup', 'expires_ms'] as const) {
        await schema
          .createIndex(`account_provider_records_by_${column}`)
          .on('account_provider_records')
          .column(column)
          .where(column, 'is not', null)
          .execute()
      }
      await schema
        .createTable('account_outside_issuers')
        .addColumn('url', 'text', (column) => column.primaryKey())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('audience', 'text', (column) => column.notNull())
        .execute()
    },
  },
]
