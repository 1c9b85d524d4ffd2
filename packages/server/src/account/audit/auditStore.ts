import type { Database } from '@countersign/platform/database/database.ts'
import type { AuditLine } from '@countersign/protocol/api/people.ts'
import type { Kysely, Selectable, Transaction } from 'kysely'
import type { AccountTables, AuditEntryRow } from '../accountTables.ts'
import type { PreparedEntry } from './auditEvent.ts'

/** An entry that is durable in the database and may not be in the log yet. */
export interface AuditIntent {
  readonly id: number
  readonly leaf: Uint8Array
}

/** Which entries an auditor asks for; everything left out does not limit. */
export interface AuditFilter {
  readonly kind?: string | undefined
  readonly from?: Date | undefined
  readonly until?: Date | undefined
  /** Only entries older than the one with this number; `before` of the page that ended. */
  readonly before?: number | undefined
  readonly limit: number
}

/** Writes the intent in the caller's transaction; durable when that commits. */
export async function insertIntent(trx: Transaction<AccountTables>, entry: PreparedEntry): Promise<AuditIntent> {
  const row = await trx
    .insertInto('account_audit_entries')
    .values({
      kind: entry.kind,
      at_ms: entry.at.getTime(),
      actor: JSON.stringify(entry.actor),
      detail: JSON.stringify(entry.detail),
      actor_salt: entry.salts?.actor ?? null,
      detail_salt: entry.salts?.detail ?? null,
      leaf: entry.leaf,
      log_index: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return { id: row.id, leaf: entry.leaf }
}

/** Notes where the log put an entry. A crash before this appends the same bytes again, which gives the same index. */
export async function markLogged(database: Database, id: number, index: bigint): Promise<void> {
  await database.commitTogether<AccountTables, void>('account.audit-logged', async (trx) => {
    await trx
      .updateTable('account_audit_entries')
      .set({ log_index: Number(index) })
      .where('id', '=', id)
      .execute()
  })
}

/** Entries that the log may not have, oldest first. */
export async function unfinishedIntents(tables: Kysely<AccountTables>): Promise<AuditIntent[]> {
  return tables
    .selectFrom('account_audit_entries')
    .select(['id', 'leaf'])
    .where('log_index', 'is', null)
    .orderBy('id')
    .execute()
}

/** One page of entries with their values, newest first, and where the next page begins. */
export async function readAudit(
  tables: Kysely<AccountTables>,
  filter: AuditFilter,
): Promise<{ lines: AuditLine[]; before?: string }> {
  let query = tables.selectFrom('account_audit_entries').selectAll().orderBy('id', 'desc').limit(filter.limit)
  if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind)
  if (filter.from !== undefined) query = query.where('at_ms', '>=', filter.from.getTime())
  if (filter.until !== undefined) query = query.where('at_ms', '<', filter.until.getTime())
  if (filter.before !== undefined) query = query.where('id', '<', filter.before)
  const rows = await query.execute()
  const last = rows.at(-1)
  const more = last !== undefined && rows.length === filter.limit
  return { lines: rows.map(toLine), ...(more ? { before: String(last.id) } : {}) }
}

function toLine(row: Selectable<AuditEntryRow>): AuditLine {
  return {
    ...(row.log_index === null ? {} : { index: String(row.log_index) }),
    kind: row.kind,
    at: new Date(row.at_ms).toISOString(),
    actor: JSON.parse(row.actor),
    detail: JSON.parse(row.detail),
    leaf: row.leaf.toBase64(),
    ...(row.actor_salt === null ? {} : { actorSalt: row.actor_salt.toBase64() }),
    ...(row.detail_salt === null ? {} : { detailSalt: row.detail_salt.toBase64() }),
  }
}
