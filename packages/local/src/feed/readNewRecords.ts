import { equalBytes } from '@countersign/protocol/json/base64.ts'
import type { VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { HASH_BYTES, leafHash } from '@countersign/protocol/log/merkle.ts'
import { rootHash, type TileReader } from '@countersign/protocol/log/proof.ts'
import { TILE_WIDTH, tileWidth } from '@countersign/protocol/log/tiles.ts'
import { feedError } from './errors.ts'
import { type LogReader, readEntries } from './logReader.ts'
import { keepRecords, loadRecords, MAX_RECORDS, smaller } from './recordStore.ts'

/** What one pass reads at most; a log that is farther ahead is caught up with in several. */
const MAX_PASS_BYTES = 64 * 1024 * 1024

/** A revocation log and how far it was read before. */
export interface RecordSource {
  readonly checkpoint: VerifiedCheckpoint
  readonly reader: Pick<LogReader, 'entries'>
  readonly tiles: TileReader
  readonly folder: string
  /** How many entries are said to be kept. */
  readonly read: bigint
}

/**
 * Reads the entries between what is kept and `checkpoint`, each checked against the tree, and keeps them durably. Gives how
 * many are kept then: fewer than the checkpoint's size where one pass is not enough. What they say is for `readKnowledge`.
 * Throws `feed.tiles-wrong`, `feed.unreachable`, `files.*`.
 */
export async function readNewRecords({ checkpoint, reader, tiles, folder, read }: RecordSource): Promise<bigint> {
  const { origin, size, root } = checkpoint
  let next = await reallyKept(folder, origin, read)
  const end = smaller(size, MAX_RECORDS)
  if (next >= end) return next
  if (!equalBytes(await rootHash(size, tiles), root)) {
    throw feedError('feed.tiles-wrong', `the tiles of ${origin} do not lead to its root`)
  }
  for (let passBytes = 0; next < end && passBytes < MAX_PASS_BYTES; ) {
    const index = next / BigInt(TILE_WIDTH)
    const entries = await checkedEntries(index, checkpoint, reader, tiles)
    await keepRecords(folder, origin, index, entries)
    for (const entry of entries) passBytes += entry.length
    next = index * BigInt(TILE_WIDTH) + BigInt(entries.length)
  }
  return next
}

/** A restored or damaged folder holds fewer entries than its state says; what is missing is fetched again. */
async function reallyKept(folder: string, origin: string, read: bigint): Promise<bigint> {
  if (read === 0n) return 0n
  return BigInt((await loadRecords(folder, origin, read)).length)
}

async function checkedEntries(
  index: bigint,
  checkpoint: VerifiedCheckpoint,
  reader: Pick<LogReader, 'entries'>,
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
