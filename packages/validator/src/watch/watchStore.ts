import type { Database } from '@countersign/platform/database/database.ts'
import type { Insertable, Selectable, Transaction } from 'kysely'
import type { CertificationRow, CertificationState } from '../certify/certifyTables.ts'
import type { FindingRow, RecordRow, WatchTables } from './watchTables.ts'

/** A certification as far as ending it needs it. */
export type WatchedRow = Pick<
  Selectable<CertificationRow>,
  'id' | 'state' | 'authority' | 'number' | 'product' | 'version' | 'catalogue_id'
> & { readonly submitted_by: string; readonly verdict: string | null }

/** A signed record as it was read. */
export type StoredRecord = Selectable<RecordRow>

/** SQLite takes 32,766 parameters a statement. */
const SLICE = 10_000

/** These certifications, in no particular order. */
export async function readWatched(trx: Transaction<WatchTables>, ids: readonly number[]): Promise<WatchedRow[]> {
  const rows: WatchedRow[] = []
  for (const slice of slices(ids)) {
    const reading = trx
      .selectFrom('certify_certifications as one')
      .innerJoin('certify_submissions as submission', 'submission.id', 'one.submission_id')
      .select(['one.id', 'one.state', 'one.authority', 'one.number', 'one.product', 'one.version', 'one.catalogue_id'])
      .select(['submission.submitted_by', 'submission.verdict'])
    rows.push(...(await reading.where('one.id', 'in', slice).execute()))
  }
  return rows
}

/** The numbers of these certifications as far as they have one, ascending, by the state they are in. */
export async function numbersByState(
  database: Database,
  ids: readonly number[],
): Promise<ReadonlyMap<CertificationState, readonly string[]>> {
  const found: { state: CertificationState; number: bigint }[] = []
  for (const slice of slices(ids)) {
    const reading = database.tables<WatchTables>().selectFrom('certify_certifications').select(['state', 'number'])
    const rows = await reading.where('id', 'in', slice).where('number', 'is not', null).execute()
    for (const { state, number } of rows) found.push({ state, number: BigInt(number ?? '') })
  }
  found.sort((a, b) => (a.number < b.number ? -1 : 1))
  const states = Map.groupBy(found, ({ state }) => state)
  return new Map([...states].map(([state, all]) => [state, all.map(({ number }) => String(number))]))
}

/** An active certification whose artifact a newer inspector has catalogued, and of which not everything is decided. */
export interface CataloguedAgain {
  readonly id: number
  readonly number: string | null
  readonly product: string
  readonly submitted_by: string
  readonly catalogue_id: number
  /** The catalogue that it was certified or last judged by. */
  readonly before: number
  /** JSON: reasons in words; null where nothing has been decided yet. */
  readonly doubts: string | null
}

/** All of these, by their number here. */
export async function cataloguedAgain(database: Database): Promise<CataloguedAgain[]> {
  const rows = await database
    .tables<WatchTables>()
    .selectFrom('certify_certifications as one')
    .innerJoin('certify_submissions as submission', 'submission.id', 'one.submission_id')
    .select(['one.id', 'one.number', 'one.product', 'one.catalogue_id', 'one.catalogue_before', 'one.doubts'])
    .select('submission.submitted_by')
    .where('one.state', '=', 'active')
    .where('one.catalogue_before', 'is not', null)
    .orderBy('one.id')
    .execute()
  return rows.map(({ catalogue_before: before, ...row }) => ({ ...row, before: before ?? row.catalogue_id }))
}

/** Keeps what stands against a certification that was catalogued again; without doubts it is done with. */
export async function setDoubts(trx: Transaction<WatchTables>, id: number, doubts: readonly string[]): Promise<void> {
  const isDone = doubts.length === 0
  const changes = isDone ? { catalogue_before: null, doubts: null } : { doubts: JSON.stringify(doubts) }
  await trx.updateTable('certify_certifications').set(changes).where('id', '=', id).execute()
}

/** Moves certifications to another state. */
export async function setState(
  trx: Transaction<WatchTables>,
  ids: readonly number[],
  state: CertificationState,
): Promise<void> {
  for (const slice of slices(ids)) {
    await trx.updateTable('certify_certifications').set({ state }).where('id', 'in', slice).execute()
  }
}

/** Keeps findings; one that is there is replaced. */
export async function keepFindings(trx: Transaction<WatchTables>, rows: readonly FindingRow[]): Promise<void> {
  for (const row of rows) await trx.replaceInto('watch_findings').values(row).execute()
}

/** What one advisory reaches, as it was kept, of certifications that have a number. */
export function findingsOf(database: Database, advisory: string) {
  return database
    .tables<WatchTables>()
    .selectFrom('watch_findings as found')
    .innerJoin('certify_certifications as one', 'one.id', 'found.certification_id')
    .select(['found.certification_id', 'found.component', 'found.finding', 'one.number', 'one.catalogue_id'])
    .where('found.advisory', '=', advisory)
    .where('one.number', 'is not', null)
    .orderBy('found.certification_id')
    .execute()
}

/** Every advisory that reaches, or reached when it was last told, a certification of this validator. */
export async function advisoriesWithFindings(database: Database): Promise<ReadonlySet<string>> {
  const reading = database.tables<WatchTables>().selectFrom('watch_findings').select('advisory').distinct()
  return new Set((await reading.execute()).map(({ advisory }) => advisory))
}

/** Everything that was found to reach one certification. */
export async function advisoriesReaching(trx: Transaction<WatchTables>, certification: number): Promise<FindingRow[]> {
  return trx.selectFrom('watch_findings').selectAll().where('certification_id', '=', certification).execute()
}

/** Keeps signed records. */
export async function addRecords(trx: Transaction<WatchTables>, rows: readonly Insertable<RecordRow>[]): Promise<void> {
  for (const row of rows) await trx.insertInto('watch_records').values(row).execute()
}

/** Records in a state, oldest first. */
export function recordsIn(database: Database, state: RecordRow['state']): Promise<StoredRecord[]> {
  const reading = database.tables<WatchTables>().selectFrom('watch_records').selectAll()
  return reading.where('state', '=', state).orderBy('id').execute()
}

/** The newest active certification of a product besides those that are being ended; undefined where there is none. */
export async function newestActive(
  trx: Transaction<WatchTables>,
  product: string,
  without: ReadonlySet<number>,
): Promise<{ product: string; version: string } | undefined> {
  const rows = await trx
    .selectFrom('certify_certifications')
    .select(['id', 'product', 'version'])
    .where('product', '=', product)
    .where('state', '=', 'active')
    .orderBy('id', 'desc')
    .limit(100)
    .execute()
  return rows.find(({ id }) => !without.has(id))
}

function slices(ids: readonly number[]): number[][] {
  const found: number[][] = []
  for (let at = 0; at < ids.length; at += SLICE) found.push(ids.slice(at, at + SLICE))
  return found
}
