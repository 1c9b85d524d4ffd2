import type { Database } from '@countersign/platform/database/database.ts'
import type { Transaction } from 'kysely'
import type { TrustTables } from './trustTables.ts'

/** Numbers that survive a restart, each with the one place that moves it on. */
export type StateName =
  /** Every certificate intent up to this id has its result. */
  | 'certificates.settled'
  /** Every entry of the certificate log below this index was compared with the database. */
  | 'certificates.compared'
  /** No timestamp was made later than this, milliseconds since 1970. */
  | 'timestamps.floor'

/** The stored number, or 0. */
export async function readState(database: Database, name: StateName): Promise<number> {
  const row = await database
    .tables<TrustTables>()
    .selectFrom('trust_state')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirst()
  return row === undefined ? 0 : Number(row.value)
}

/** Stores the number as part of `trx`. */
export async function writeState(trx: Transaction<TrustTables>, name: StateName, value: number): Promise<void> {
  await trx
    .insertInto('trust_state')
    .values({ name, value: String(value) })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: String(value) }))
    .execute()
}
