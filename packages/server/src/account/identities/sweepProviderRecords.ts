import type { Transaction } from 'kysely'
import type { AccountTables } from '../accountTables.ts'

/** Expired records stay this long, so that a late caller hears "expired", not "unknown". */
const KEPT_EXPIRED_MS = 60 * 60 * 1000

/** Deletes what expired an hour ago. Safe to repeat. */
export async function sweepProviderRecords(trx: Transaction<AccountTables>, now: Date): Promise<void> {
  const before = now.getTime() - KEPT_EXPIRED_MS
  await trx.deleteFrom('account_provider_records').where('expires_ms', '<', before).execute()
}
