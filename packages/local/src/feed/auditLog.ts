import { equalBytes } from '@countersign/protocol/json/base64.ts'
import type { VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { HASH_BYTES, type Hash, leafHash } from '@countersign/protocol/log/merkle.ts'
import { decodeDataTile, merkleTreeLeaf } from '@countersign/protocol/log/staticCt.ts'
import { type EntryBundleKind, TILE_WIDTH, tileWidth } from '@countersign/protocol/log/tiles.ts'
import { growingTree } from './entryTree.ts'
import { feedError } from './errors.ts'
import { type LogReader, readEntries } from './logReader.ts'

/** How a whole log is read. */
export interface AuditOptions {
  readonly kind: EntryBundleKind
  readonly signal?: AbortSignal
  /** Told after every entry bundle. */
  readonly progress?: (done: bigint, size: bigint) => void
}

/**
 * Reads every entry of the tree that `checkpoint` commits to, hashes it, compares it with the tiles, and rebuilds the root.
 * Memory stays the same for any size. Throws `feed.tiles-wrong` with the first index that differs, `feed.unreachable`,
 * `log.entry-bundle-wrong`.
 */
export async function auditLog(
  checkpoint: VerifiedCheckpoint,
  reader: LogReader,
  options: AuditOptions,
): Promise<void> {
  const { size, root, origin } = checkpoint
  const tree = growingTree()
  for (let index = 0n; index * BigInt(TILE_WIDTH) < size; index++) {
    options.signal?.throwIfAborted()
    const width = tileWidth(0, index, size)
    // A reader of its own for every tile, so that the tiles of a large log are not kept.
    const [bundle, tile] = await Promise.all([
      reader.entries(index, size, options.kind),
      reader.tiles(size)(0, index, width),
    ])
    const leaves = leavesOf(bundle, width, options.kind)
    leaves.forEach((leaf, at) => {
      if (!equalBytes(leaf, tile.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES))) {
        throw feedError(
          'feed.tiles-wrong',
          `${origin}: entry ${index * BigInt(TILE_WIDTH) + BigInt(at)} is not the logged one`,
        )
      }
      tree.add(leaf)
    })
    options.progress?.(index * BigInt(TILE_WIDTH) + BigInt(width), size)
  }
  if (!equalBytes(tree.root(), root)) throw feedError('feed.tiles-wrong', `${origin}: its entries give another root`)
}

function leavesOf(bundle: Uint8Array, width: number, kind: EntryBundleKind): Hash[] {
  if (kind === 'entries') return readEntries(bundle, width).map(leafHash)
  const entries = decodeDataTile(bundle, { maxEntries: TILE_WIDTH })
  if (entries.length < width)
    throw feedError('feed.tiles-wrong', `a data tile has ${entries.length} of ${width} entries`)
  return entries.slice(0, width).map((entry) => leafHash(merkleTreeLeaf(entry)))
}
