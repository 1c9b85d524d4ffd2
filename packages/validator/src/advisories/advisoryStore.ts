import { hash } from 'node:crypto'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Outbox } from '@countersign/platform/outbox/outbox.ts'
import { type Advisory, compareTimes } from '@countersign/protocol/osv/advisory.ts'
import type { Kysely, Selectable, Transaction } from 'kysely'
import type { AdvisoriesTables } from './advisoriesTables.ts'
import type { StoredRecord } from './advisoryIndex.ts'
import type { ChangedAdvisory, ProposedChange } from './difference.ts'
import type { KnownExploited } from './knownExploited.ts'

/** Event of every committed change; payload {state}. */
export const ADVISORIES_CHANGED = 'advisories.changed'

/** A change that waits, as it is stored. */
export type HeldRow = Selectable<AdvisoriesTables['advisories_held']>

/** What is committed together with, or in place of, changed records. */
export interface Compared {
  readonly source: string
  /** Newest time in its list of changes. */
  readonly cursor?: string
  /** By ecosystem: when everything that the source has of it was known here, RFC 3339. */
  readonly complete: Readonly<Record<string, string>>
}

/** What is committed with a change besides its records. */
export interface Settling {
  readonly compared: readonly Compared[]
  /** The held change that a person has released. */
  readonly settles?: string
}

/** What stops counting by a change. */
export interface Lost {
  readonly at: Date
  /** Records by ecosystem. */
  readonly records: ReadonlyMap<string, number>
}

const ROWS = 200

/** The SQL of the advisories. Every write is one transaction: a change is there whole, with its event, or not at all. */
export class AdvisoryStore {
  readonly #database: Database
  readonly #outbox: Outbox
  readonly #reading: Kysely<AdvisoriesTables>

  constructor(database: Database, outbox: Outbox) {
    this.#database = database
    this.#outbox = outbox
    this.#reading = database.tables<AdvisoriesTables>()
  }

  /** Every record, page by page. */
  async *records(): AsyncGenerator<StoredRecord> {
    for (let last = ''; ; ) {
      const page = this.#reading.selectFrom('advisories_records').selectAll().where('id', '>', last)
      const rows = await page.orderBy('id').limit(5000).execute()
      for (const { advisory, source, sample } of rows) {
        yield { advisory: JSON.parse(advisory) as Advisory, source, sample: sample === 1 }
      }
      const end = rows.at(-1)
      if (end === undefined) return
      last = end.id
    }
  }

  /** The number of the newest state; 0 before the first. */
  async state(): Promise<number> {
    return (await this.#reading.selectFrom('advisories_state').select('state').executeTakeFirst())?.state ?? 0
  }

  /** When each ecosystem was last known to be complete, by the newest word of any source. */
  async completeAsOf(): Promise<Map<string, string>> {
    const reading = this.#reading.selectFrom('advisories_complete').select(['ecosystem', 'as_of'])
    const newest = new Map<string, string>()
    for (const { ecosystem, as_of: asOf } of await reading.execute()) {
      const known = newest.get(ecosystem)
      if (known === undefined || compareTimes(asOf, known) > 0) newest.set(ecosystem, asOf)
    }
    return newest
  }

  /** What is known to be exploited, by the catalogue that was imported last; undefined where none was. */
  async knownExploited(): Promise<KnownExploited | undefined> {
    const rows = await this.#reading.selectFrom('advisories_exploited').selectAll().execute()
    const [first] = rows
    return first && { releasedAt: first.released_at, ids: new Set(rows.map(({ cve }) => cve)) }
  }

  /** Puts another catalogue in the place of the one that counts. Durable when this resolves. */
  async keepKnownExploited({ releasedAt, ids }: KnownExploited): Promise<void> {
    const rows = [...ids].map((cve) => ({ cve, released_at: releasedAt }))
    await this.#database.transaction<AdvisoriesTables, void>('advisories.exploited', async (trx) => {
      await trx.deleteFrom('advisories_exploited').execute()
      for (let at = 0; at < rows.length; at += ROWS) {
        await trx
          .insertInto('advisories_exploited')
          .values(rows.slice(at, at + ROWS))
          .execute()
      }
    })
  }

  /** How many records of each ecosystem have stopped counting since then, and nobody has looked at that. */
  async lostSince(since: Date): Promise<Map<string, number>> {
    const reading = this.#reading
      .selectFrom('advisories_lost')
      .select((one) => one.fn.sum<number>('records').as('lost'))
    const rows = await reading
      .select('ecosystem')
      .where('lost_at', '>', since.toISOString())
      .groupBy('ecosystem')
      .execute()
    return new Map(rows.map(({ ecosystem, lost }) => [ecosystem, lost]))
  }

  /** The addresses that were imported. */
  async sources(): Promise<Selectable<AdvisoriesTables['advisories_sources']>[]> {
    return this.#reading.selectFrom('advisories_sources').selectAll().orderBy('source').execute()
  }

  /** Commits a change as `state`, with its event and with what it was compared with. */
  async commit(
    state: number,
    changes: readonly ChangedAdvisory[],
    proposed: readonly ProposedChange[],
    { compared, settles, lost }: Settling & { readonly lost: Lost },
  ): Promise<void> {
    const origins = new Map(proposed.map((one) => [one.id, one]))
    await this.#database.transaction<AdvisoriesTables, void>('advisories.change', async (trx) => {
      await writeRecords(trx, changes, origins)
      await writeHistory(trx, state, changes)
      const row = { id: 1, state }
      const upsert = trx.insertInto('advisories_state').values(row)
      await upsert.onConflict((conflict) => conflict.column('id').doUpdateSet({ state })).execute()
      if (settles !== undefined) await trx.deleteFrom('advisories_held').where('id', '=', settles).execute()
      for (const one of compared) await writeCompared(trx, one)
      await writeLost(trx, state, lost, settles !== undefined)
      await this.#outbox.emit(trx, { kind: ADVISORIES_CHANGED, payload: { state } })
    })
  }

  /** Notes that these sources had nothing new. */
  async compared(compared: readonly Compared[]): Promise<void> {
    await this.#database.transaction<AdvisoriesTables, void>('advisories.compared', async (trx) => {
      for (const one of compared) await writeCompared(trx, one)
    })
  }

  /** What `state` changed; undefined where there is no such state. */
  async change(state: number): Promise<ChangedAdvisory[] | undefined> {
    const history = this.#reading.selectFrom('advisories_history')
    const own = history.select('id').where('state', '=', state)
    const rows = await history.selectAll().where('state', '=', state).orderBy('id').execute()
    if (rows.length === 0) return undefined
    const current = await this.#reading.selectFrom('advisories_records').selectAll().where('id', 'in', own).execute()
    const after = new Map<string, string | null>(current.map(({ id, advisory }) => [id, advisory]))
    const later = history.selectAll().where('state', '>', state).where('id', 'in', own)
    // What a state left is what the next one replaced, so the earliest of the later ones is set last.
    for (const row of await later.orderBy('state', 'desc').execute()) after.set(row.id, row.before)
    return rows.map(({ id, before }) => ({
      id,
      ...parsed('before', before),
      ...parsed('after', after.get(id) ?? null),
    }))
  }

  /** Every change that waits or was thrown away, oldest first. */
  async held(): Promise<HeldRow[]> {
    return this.#reading.selectFrom('advisories_held').selectAll().orderBy('held_at').orderBy('id').execute()
  }

  /** Puts a change aside. The newest one of a source takes the place of what waits of it. Again: success. */
  async hold(row: Omit<HeldRow, 'id' | 'discarded'>): Promise<HeldRow> {
    const held: HeldRow = {
      ...row,
      id: hash('sha256', `${row.source}\n${row.changes}`, 'hex').slice(0, 16),
      discarded: 0,
    }
    return this.#database.transaction<AdvisoriesTables, HeldRow>('advisories.hold', async (trx) => {
      const known = await trx.selectFrom('advisories_held').selectAll().where('id', '=', held.id).executeTakeFirst()
      if (known !== undefined) return known
      await trx.deleteFrom('advisories_held').where('source', '=', row.source).where('discarded', '=', 0).execute()
      await trx.insertInto('advisories_held').values(held).execute()
      return held
    })
  }

  /** Throws a waiting change away for good. */
  async discard(id: string): Promise<void> {
    await this.#database.transaction<AdvisoriesTables, void>('advisories.discard', async (trx) => {
      await trx.updateTable('advisories_held').set({ discarded: 1 }).where('id', '=', id).execute()
    })
  }
}

async function writeRecords(
  trx: Transaction<AdvisoriesTables>,
  changes: readonly ChangedAdvisory[],
  origins: ReadonlyMap<string, ProposedChange>,
): Promise<void> {
  const gone = changes.filter(({ after }) => after === undefined).map(({ id }) => id)
  for (let at = 0; at < gone.length; at += ROWS) {
    await trx
      .deleteFrom('advisories_records')
      .where('id', 'in', gone.slice(at, at + ROWS))
      .execute()
  }
  const rows = changes.flatMap(({ id, after }) => {
    const { source = '', sample = false } = origins.get(id) ?? {}
    return after === undefined ? [] : [{ id, advisory: JSON.stringify(after), source, sample: sample ? 1 : 0 }]
  })
  for (let at = 0; at < rows.length; at += ROWS) {
    const insert = trx.insertInto('advisories_records').values(rows.slice(at, at + ROWS))
    await insert
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((row) => ({
          advisory: row.ref('excluded.advisory'),
          source: row.ref('excluded.source'),
          sample: row.ref('excluded.sample'),
        })),
      )
      .execute()
  }
}

async function writeHistory(
  trx: Transaction<AdvisoriesTables>,
  state: number,
  changes: readonly ChangedAdvisory[],
): Promise<void> {
  const rows = changes.map(({ id, before }) => ({
    state,
    id,
    before: before === undefined ? null : JSON.stringify(before),
  }))
  for (let at = 0; at < rows.length; at += ROWS) {
    await trx
      .insertInto('advisories_history')
      .values(rows.slice(at, at + ROWS))
      .execute()
  }
}

/** What a person has released was looked at, so the count of its ecosystems begins anew. */
async function writeLost(
  trx: Transaction<AdvisoriesTables>,
  state: number,
  { at, records: lost }: Lost,
  isLookedAt: boolean,
): Promise<void> {
  for (const [ecosystem, records] of lost) {
    const row = { state, lost_at: at.toISOString(), ecosystem, records }
    if (isLookedAt) await trx.deleteFrom('advisories_lost').where('ecosystem', '=', ecosystem).execute()
    else await trx.insertInto('advisories_lost').values(row).execute()
  }
}

async function writeCompared(trx: Transaction<AdvisoriesTables>, compared: Compared): Promise<void> {
  const { source, cursor, complete } = compared
  if (/^https?:/.test(source)) {
    const row = { source, cursor: cursor ?? null }
    const insert = trx.insertInto('advisories_sources').values(row)
    await insert.onConflict((conflict) => conflict.column('source').doUpdateSet({ cursor: row.cursor })).execute()
  }
  // Replaced also by an older moment: where a copy was put back, what only the newer one had is gone.
  await trx.deleteFrom('advisories_complete').where('source', '=', source).execute()
  for (const [ecosystem, asOf] of Object.entries(complete)) {
    await trx.insertInto('advisories_complete').values({ source, ecosystem, as_of: asOf }).execute()
  }
}

function parsed<Key extends 'before' | 'after'>(key: Key, text: string | null): { [key in Key]?: Advisory } {
  return text === null ? {} : ({ [key]: JSON.parse(text) as Advisory } as { [key in Key]?: Advisory })
}
