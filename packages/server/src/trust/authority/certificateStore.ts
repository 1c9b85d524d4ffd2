import type { Database } from '@countersign/platform/database/database.ts'
import type { Kysely, Transaction } from 'kysely'
import type { CertificateIntentRow, CertificateResultRow, CertificationRow, TrustTables } from '../trustTables.ts'

/** Rows in one INSERT: well below SQLite's limit of 32,766 values. */
const MAX_ROWS = 1000

/** What is recorded of a certification when its certificate is intended; it is active from then on. */
export type NewCertification = Omit<CertificationRow, 'id' | 'ended_by'>

/** Intents and results of the certificates that are logged: of identities and of certifications. */
export interface CertificateStore {
  /**
   * Writes an intent, and with it the certification that its certificate is for. Durable when this resolves; only then may
   * its precertificate be logged. Resolves with its id.
   */
  addIntent(intent: Omit<CertificateIntentRow, 'id'>, certification?: NewCertification): Promise<number>
  /** Writes what became of an intent. Durable when this resolves. */
  addResult(result: CertificateResultRow): Promise<void>
  /** The intents after `id` that have no result, in order, at most `limit`. */
  readOpenIntents(after: number, limit: number): Promise<CertificateIntentRow[]>
  /**
   * What is on its way at this moment: the serials of all intents after `id` without a result, and the last id up to
   * which every intent has one.
   */
  readUnderWay(after: number): Promise<{ readonly serials: ReadonlySet<string>; readonly settled: number }>
  /** The serials that results claim for the log entries from `from` up to but not including `to`, by log index. */
  readLoggedSerials(from: number, to: number): Promise<ReadonlyMap<number, string>>
}

/**
 * Opens the store. Rows that arrive together are written by one statement and one commit, which is what makes
 * thousands of certificates a second possible.
 */
export async function openCertificateStore(database: Database): Promise<CertificateStore> {
  const tables = database.tables<TrustTables>()
  const { last } = await tables
    .selectFrom('trust_certificate_intents')
    .select((select) => select.fn.max('id').as('last'))
    .executeTakeFirstOrThrow()
  let nextId = (last ?? 0) + 1
  const addIntents = writeTogether<NewIntent>(
    (work) => database.commitTogether('trust.certificate-intent', work),
    insertIntents,
  )
  const addResults = writeTogether<CertificateResultRow>(
    (work) => database.commitTogether('trust.certificate-result', work),
    (trx, rows) => trx.insertInto('trust_certificate_results').values(rows).execute(),
  )
  return {
    async addIntent(intent, certification) {
      const id = nextId++
      await addIntents({ intent: { id, ...intent }, certification: certification && { id, ...certification } })
      return id
    },
    addResult: addResults,
    readOpenIntents: (after, limit) => openIntents(tables, after).selectAll('intent').limit(limit).execute(),
    async readUnderWay(after) {
      // The last result first: an open intent below it cannot appear between the two questions.
      const { last } = await tables
        .selectFrom('trust_certificate_results')
        .select((select) => select.fn.max('id').as('last'))
        .executeTakeFirstOrThrow()
      const open = await openIntents(tables, after).select(['intent.id', 'intent.serial']).execute()
      const settled = open[0] === undefined ? (last ?? 0) : open[0].id - 1
      return { serials: new Set(open.map((row) => row.serial)), settled: Math.max(after, settled) }
    },
    async readLoggedSerials(from, to) {
      const rows = await tables
        .selectFrom('trust_certificate_results as result')
        .innerJoin('trust_certificate_intents as intent', 'intent.id', 'result.id')
        .select(['result.log_index', 'intent.serial'])
        .where('result.log_index', '>=', from)
        .where('result.log_index', '<', to)
        .execute()
      return new Map(rows.map((row) => [row.log_index, row.serial]))
    },
  }
}

interface NewIntent {
  readonly intent: CertificateIntentRow
  readonly certification: Omit<CertificationRow, 'ended_by'> | undefined
}

async function insertIntents(trx: Transaction<TrustTables>, rows: readonly NewIntent[]): Promise<void> {
  await trx
    .insertInto('trust_certificate_intents')
    .values(rows.map(({ intent }) => intent))
    .execute()
  const certifications = rows.flatMap(({ certification }) => certification ?? [])
  if (certifications.length === 0) return
  await trx
    .insertInto('trust_certifications')
    .values(certifications.map((row) => ({ ...row, ended_by: null })))
    .execute()
}

function openIntents(tables: Kysely<TrustTables>, after: number) {
  return tables
    .selectFrom('trust_certificate_intents as intent')
    .leftJoin('trust_certificate_results as result', 'result.id', 'intent.id')
    .where('intent.id', '>', after)
    .where('result.id', 'is', null)
    .orderBy('intent.id')
}

type Work = (trx: Transaction<TrustTables>) => Promise<void>

/** Collects the rows of all callers until their transaction starts. Where it fails, all of them fail. */
function writeTogether<Row>(
  commit: (work: Work) => Promise<void>,
  insert: (trx: Transaction<TrustTables>, rows: readonly Row[]) => Promise<unknown>,
): (row: Row) => Promise<void> {
  let gathering: { rows: Row[]; written: Promise<void> } | undefined
  return (row) => {
    if (gathering === undefined || gathering.rows.length >= MAX_ROWS) {
      const rows: Row[] = []
      const written = commit(async (trx) => {
        if (gathering?.rows === rows) gathering = undefined
        await insert(trx, rows)
      })
      gathering = { rows, written }
    }
    gathering.rows.push(row)
    return gathering.written
  }
}
