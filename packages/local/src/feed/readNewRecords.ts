import { equalBytes } from '@countersign/protocol/json/base64.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import type { VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { MAX_ENTRY_BYTES } from '@countersign/protocol/log/entryBundle.ts'
import { HASH_BYTES, leafHash } from '@countersign/protocol/log/merkle.ts'
import { rootHash, type TileReader } from '@countersign/protocol/log/proof.ts'
import { TILE_WIDTH, tileWidth } from '@countersign/protocol/log/tiles.ts'
import { feedError } from './errors.ts'
import type { FeedState } from './feedStore.ts'
import { type LogReader, readEntries } from './logReader.ts'

/** Records that one pass reads; a longer log is caught up with in several. */
const MAX_NEW_RECORDS = 65_536n

/** How far a revocation log has been read. */
export interface ReadRecords {
  readonly read: string
  readonly unknown?: string
}

/**
 * Reads the entries of a revocation log between what `state` says and `checkpoint`, each checked against the tree.
 * This version knows no kind of record yet, so the first one makes what is known stale, never ignored (design, decision 4).
 * Throws `feed.tiles-wrong`, `feed.unreachable`.
 */
export async function readNewRecords(
  state: FeedState | undefined,
  checkpoint: VerifiedCheckpoint,
  reader: LogReader,
  tiles: TileReader,
): Promise<ReadRecords> {
  let next = BigInt(state?.read ?? '0')
  let unknown = state?.unknown
  if (next >= checkpoint.size) return { read: String(next), ...(unknown !== undefined && { unknown }) }
  if (!equalBytes(await rootHash(checkpoint.size, tiles), checkpoint.root)) {
    throw feedError('feed.tiles-wrong', `the tiles of ${checkpoint.origin} do not lead to its root`)
  }
  const end = next + MAX_NEW_RECORDS < checkpoint.size ? next + MAX_NEW_RECORDS : checkpoint.size
  while (next < end) {
    const index = next / BigInt(TILE_WIDTH)
    const entries = await checkedEntries(index, checkpoint, reader, tiles)
    for (const entry of entries.slice(Number(next % BigInt(TILE_WIDTH)))) {
      unknown ??= `record ${next}: ${describe(entry)}`
      next += 1n
    }
  }
  return { read: String(next), ...(unknown !== undefined && { unknown }) }
}

async function checkedEntries(
  index: bigint,
  checkpoint: VerifiedCheckpoint,
  reader: LogReader,
  tiles: TileReader,
): Promise<Uint8Array[]> {
  const width = tileWidth(0, index, checkpoint.size)
  const [bundle, tile] = await Promise.all([reader.entries(index, checkpoint.size, 'entries'), tiles(0, index, width)])
  const entries = readEntries(bundle, width)
  entries.forEach((entry, at) => {
    if (!equalBytes(leafHash(entry), tile.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES))) {
      throw feedError('feed.tiles-wrong', `an entry of ${checkpoint.origin} is not the one in the tree`)
    }
  })
  return entries
}

/** What kind of record an entry says it is, for the message only. */
function describe(entry: Uint8Array): string {
  try {
    const envelope = parseJson(entry, { maxBytes: MAX_ENTRY_BYTES }) as { payload?: unknown }
    const payload = parseJson(Buffer.from(String(envelope.payload), 'base64'), { maxBytes: MAX_ENTRY_BYTES })
    const { v, scope } = payload as { v?: unknown; scope?: unknown }
    return `version ${String(v).slice(0, 16)}, scope ${String(scope).slice(0, 32)}, which this program does not know`
  } catch {
    return 'of a kind that this program does not know'
  }
}
