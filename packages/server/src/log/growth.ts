import { encodeEntryBundle, MAX_ENTRY_BYTES } from '@countersign/protocol/log/entryBundle.ts'
import { logError } from '@countersign/protocol/log/errors.ts'
import { type Hash, leafHash } from '@countersign/protocol/log/merkle.ts'
import { encodeDataTile } from '@countersign/protocol/log/staticCt.ts'
import { entryBundlePath, newTiles, TILE_WIDTH, tilePath } from '@countersign/protocol/log/tiles.ts'
import type { GrowingTree } from './growingTree.ts'
import type { Committed } from './openedLog.ts'
import type { Pending } from './pool.ts'
import type { StagedFile } from './staging.ts'
import type { LogSpec } from './transparencyLog.ts'

/** A pending entry with the place that it will have if the round is committed. */
export interface Placed {
  readonly pending: Pending
  readonly index: bigint
  readonly leafHash: Hash
}

/** What a round adds to a log, all in memory. */
export interface Growth {
  readonly tree: GrowingTree
  readonly placed: readonly Placed[]
  /** Every file that the new size asks for: entry bundles first, then tiles from the leaves up. */
  readonly files: readonly StagedFile[]
  readonly partialBundle: readonly Uint8Array[]
}

/**
 * Places `pool` after the committed entries. Changes nothing: what is committed can still be built on when the round fails.
 * An entry that cannot be encoded is refused alone, and takes no place.
 */
export function growBy(committed: Committed, pool: readonly Pending[], entriesAs: LogSpec['entriesAs']): Growth {
  const tree = committed.tree.copy()
  const stored = [...committed.partialBundle]
  const placed: Placed[] = []
  for (const pending of pool) {
    const index = tree.size
    try {
      const encoded = encode(pending, index, entriesAs)
      tree.push(encoded.leafHash)
      stored.push(encoded.stored)
      placed.push({ pending, index, leafHash: encoded.leafHash })
    } catch (error) {
      pending.reject(error)
    }
  }
  const partialEntries = Number(tree.size % BigInt(TILE_WIDTH))
  return {
    tree,
    placed,
    files: filesOf(committed.checkpoint.size, tree, stored, entriesAs),
    partialBundle: stored.slice(stored.length - partialEntries),
  }
}

function encode(pending: Pending, index: bigint, entriesAs: LogSpec['entriesAs']) {
  const { leaf, stored } = pending.entry.encode(index)
  if (entriesAs === 'entries' && stored.length > MAX_ENTRY_BYTES) {
    throw logError('log.entry-too-large', `the entry has ${stored.length} bytes`)
  }
  return { leafHash: leafHash(leaf), stored }
}

/** `stored` begins with the first entry of the bundle in which the old tree ends. */
function filesOf(
  oldSize: bigint,
  tree: GrowingTree,
  stored: readonly Uint8Array[],
  entriesAs: LogSpec['entriesAs'],
): StagedFile[] {
  const tiles = newTiles(oldSize, tree.size)
  const firstBundle = oldSize / BigInt(TILE_WIDTH)
  const bundles = tiles
    .filter((tile) => tile.level === 0)
    .map(({ index, width }) => {
      const from = Number(index - firstBundle) * TILE_WIDTH
      const entries = stored.slice(from, from + width)
      const bytes = entriesAs === 'entries' ? encodeEntryBundle(entries) : encodeDataTile(entries)
      return { path: entryBundlePath(index, width, entriesAs), bytes }
    })
  const hashes = tiles.map(({ level, index, width }) => ({
    path: tilePath(level, index, width),
    bytes: tree.tile(level, index, width),
  }))
  return [...bundles, ...hashes]
}
