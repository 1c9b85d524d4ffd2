import type { Database } from '@countersign/platform/database/database.ts'
import type { Transaction } from 'kysely'
import { logKeepingError } from './errors.ts'
import type { LogName } from './transparencyLog.ts'

/** What the database knows of a log: its newest commitment. */
export interface LogRow {
  /** Entries committed. A number: below 2^32 by `log.full`. */
  readonly size: number
  /** The signed note of the checkpoint, without cosignatures. */
  readonly note: string
  /** Time of the checkpoint, milliseconds since 1970. Never falls. */
  readonly time_ms: number
  /** Key of the bundle with the tiles of the last growth; null as long as the log has not grown. */
  readonly staging: string | null
}

/**
 * 1 to 256 dedupe keys of consecutive entries, 32 bytes each; tile n begins with entry 256 n.
 * In order of the index and not in a B-tree by key: keys are random, so at 10 million entries each insert would
 * touch its own page, and that costs more than the entry's signature check.
 */
export interface KeyTile {
  readonly tile: number
  readonly keys: Uint8Array
}

interface Tables {
  log: LogRow & { readonly name: string }
  log_key_tile: KeyTile & { readonly log: string }
}

/** The log's row, or undefined where this database never had the log. */
export async function readLog(database: Database, name: LogName): Promise<LogRow | undefined> {
  return database
    .tables<Tables>()
    .selectFrom('log')
    .select(['size', 'note', 'time_ms', 'staging'])
    .where('name', '=', name)
    .executeTakeFirst()
}

/** Makes the row of a new, empty log. When this resolves, it survives power loss. */
export async function createLog(database: Database, name: LogName, row: LogRow): Promise<void> {
  await database.transaction<Tables, void>('log.create', async (trx) => {
    await trx
      .insertInto('log')
      .values({ name, ...row })
      .execute()
  })
}

/**
 * The commit point: puts `next` in the place of the row whose note is `oldNote`, together with the keys of the new entries.
 * When this resolves, both survive power loss. Of two writers that start from the same note only one gets here.
 * Throws `log.lost-race` where the row has another note, and what `Database` throws.
 */
export async function commitLog(
  database: Database,
  name: LogName,
  oldNote: string,
  next: LogRow,
  keyTiles: readonly KeyTile[],
): Promise<void> {
  await database.commitTogether<Tables, void>('log.commit', async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('log')
      .set(next)
      .where('name', '=', name)
      .where('note', '=', oldNote)
      .executeTakeFirst()
    if (numUpdatedRows !== 1n) throw logKeepingError('log.lost-race', `another writer moved the log ${name} on`)
    for (const keyTile of keyTiles) await putKeyTile(trx, name, keyTile)
  })
}

/** The keys of entries 256 `tile` and following, or undefined where there are none. */
export async function readKeyTile(database: Database, name: LogName, tile: number): Promise<Uint8Array | undefined> {
  const row = await database
    .tables<Tables>()
    .selectFrom('log_key_tile')
    .select('keys')
    .where('log', '=', name)
    .where('tile', '=', tile)
    .executeTakeFirst()
  return row?.keys
}

/** Up to `count` tiles of keys from `first` on, in order. */
export async function readKeyTiles(
  database: Database,
  name: LogName,
  first: number,
  count: number,
): Promise<KeyTile[]> {
  return database
    .tables<Tables>()
    .selectFrom('log_key_tile')
    .select(['tile', 'keys'])
    .where('log', '=', name)
    .where('tile', '>=', first)
    .orderBy('tile')
    .limit(count)
    .execute()
}

async function putKeyTile(trx: Transaction<Tables>, name: LogName, { tile, keys }: KeyTile): Promise<void> {
  await trx
    .insertInto('log_key_tile')
    .values({ log: name, tile, keys })
    .onConflict((conflict) => conflict.columns(['log', 'tile']).doUpdateSet({ keys }))
    .execute()
}
