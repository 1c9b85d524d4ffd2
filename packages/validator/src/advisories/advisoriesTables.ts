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
  /** What each source says of how new the data is. */
  advisories_complete: {
    source: string
    /** Without suffix. */
    ecosystem: string
    /** RFC 3339: when everything that the source has was known here. */
    as_of: string
  }
  /** CVE numbers that are known to be exploited. */
  advisories_exploited: {
    cve: string
    /** RFC 3339: when the catalogue that names it was released. */
    released_at: string
  }
  /** What stopped counting by a change, until a person has looked. */
  advisories_lost: {
    state: number
    /** RFC 3339. */
    lost_at: string
    /** Without suffix. */
    ecosystem: string
    records: number
  }
  advisories_held: {
    id: string
    source: string
    reason: string
    held_at: string
    /** JSON: `ProposedChange[]`. */
    changes: string
    /** JSON: `Compared[]`, which holds once the change has taken effect. */
    compared: string
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
  {
    // A record that was pushed made everything else of its ecosystem look new, so what was noted before proves nothing.
    id: 'advisories.002',
    async up(trx) {
      const { schema } = trx
      await schema.dropTable('advisories_ecosystems').execute()
      await schema
        .createTable('advisories_complete')
        .addColumn('source', 'text', (column) => column.notNull())
        .addColumn('ecosystem', 'text', (column) => column.notNull())
        .addColumn('as_of', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('advisories_complete_key', ['source', 'ecosystem'])
        .execute()
      const held = schema.alterTable('advisories_held')
      await held.addColumn('compared', 'text', (column) => column.notNull().defaultTo('[]')).execute()
    },
  },
  {
    id: 'advisories.003',
    async up({ schema }) {
      await schema
        .createTable('advisories_lost')
        .addColumn('state', 'integer', (column) => column.notNull())
        .addColumn('lost_at', 'text', (column) => column.notNull())
        .addColumn('ecosystem', 'text', (column) => column.notNull())
        .addColumn('records', 'integer', (column) => column.notNull())
        .addPrimaryKeyConstraint('advisories_lost_key', ['state', 'ecosystem'])
        .execute()
    },
  },
  {
    id: 'advisories.004',
    async up({ schema }) {
      const table = schema.createTable('advisories_exploited')
      await table
        .addColumn('cve', 'text', (column) => column.primaryKey())
        .addColumn('released_at', 'text', (column) => column.notNull())
        .execute()
    },
  },
]
