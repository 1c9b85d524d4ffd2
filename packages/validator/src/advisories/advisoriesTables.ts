import type { Migration } from '@countersign/platform/database/migrate.ts'

/** The tables of the advisories folder, as Kysely sees them. Advisories are JSON of `Advisory`. */
export interface AdvisoriesTables {
  advisories_records: {
    id: string
    advisory: string
    /** Where it came from last: only an import of the same source can take it away. */
    source: string
    /** 1: from a folder marked as a sample. */
    sample: number
  }
  /** What each state replaced; with the current records that is every state there was. */
  advisories_history: {
    state: number
    id: string
    /** Null: there was none. */
    before: string | null
  }
  /** One row. */
  advisories_state: {
    id: number
    state: number
  }
  advisories_sources: {
    /** Address of a zip file. */
    source: string
    /** Newest time in its list of changes, RFC 3339; null: it has no list. */
    cursor: string | null
  }
  advisories_ecosystems: {
    /** Without suffix. */
    name: string
    /** RFC 3339: last compared with its source and found or made equal. */
    synced_at: string
  }
  advisories_held: {
    id: string
    source: string
    reason: string
    held_at: string
    /** JSON: `ProposedChange[]`. */
    changes: string
    changed: number
    /** 1: an operator threw it away; the row stays so that the next sync does not bring it back. */
    discarded: number
  }
}

/** The schema of the advisories folder, forward only. */
export const advisoriesMigrations: readonly Migration[] = [
  {
    id: 'advisories.001',
    async up(trx) {
      const { schema } = trx
      await schema
        .createTable('advisories_records')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('advisory', 'text', (column) => column.notNull())
        .addColumn('source', 'text', (column) => column.notNull())
        .addColumn('sample', 'integer', (column) => column.notNull())
        .execute()
      await schema
        .createTable('advisories_history')
        .addColumn('state', 'integer', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('before', 'text')
        .addPrimaryKeyConstraint('advisories_history_key', ['state', 'id'])
        .execute()
      await schema.createIndex('advisories_history_id').on('advisories_history').columns(['id', 'state']).execute()
      await schema
        .createTable('advisories_state')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('state', 'integer', (column) => column.notNull())
        .execute()
      await schema
        .createTable('advisories_sources')
        .addColumn('source', 'text', (column) => column.primaryKey())
        .addColumn('cursor', 'text')
        .execute()
      await schema
        .createTable('advisories_ecosystems')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('synced_at', 'text', (column) => column.notNull())
        .execute()
      await schema
        .createTable('advisories_held')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('source', 'text', (column) => column.notNull())
        .addColumn('reason', 'text', (column) => column.notNull())
        .addColumn('held_at', 'text', (column) => column.notNull())
        .addColumn('changes', 'text', (column) => column.notNull())
        .addColumn('changed', 'integer', (column) => column.notNull())
        .addColumn('discarded', 'integer', (column) => column.notNull())
        .execute()
    },
  },
]
