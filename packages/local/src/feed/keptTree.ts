import { encodeEntryBundle } from '@countersign/protocol/log/entryBundle.ts'
import { HASH_BYTES, type Hash } from '@countersign/protocol/log/merkle.ts'
import { TILE_WIDTH } from '@countersign/protocol/log/tiles.ts'
import { entryHash, fullBundleRoots, nodeRoot } from './entryTree.ts'
import type { LogReader } from './logReader.ts'

/**
 * The static files of a log as they follow from all its entries, for a tree that this machine holds as a whole: what is
 * kept and what was pushed after it. Whether these are the log's entries shows in the root that they lead to.
 */
export function keptTree(entries: readonly Uint8Array[]): Pick<LogReader, 'tiles' | 'entries'> {
  const levels: Hash[][] = [entries.map(entryHash), fullBundleRoots(entries)]

  /** Hashes of one level of tiles: each is the root of 256 of the level below. */
  function level(height: number): Hash[] {
    const made = levels[height]
    if (made !== undefined) return made
    const below = level(height - 1)
    const hashes: Hash[] = []
    for (let start = 0; start + TILE_WIDTH <= below.length; start += TILE_WIDTH) {
      hashes.push(nodeRoot(below.slice(start, start + TILE_WIDTH)))
    }
    levels[height] = hashes
    return hashes
  }

  return {
    tiles: () => async (height, index, width) => {
      const start = Number(index) * TILE_WIDTH
      const tile = new Uint8Array(width * HASH_BYTES)
      level(height)
        .slice(start, start + width)
        .forEach((hash, at) => {
          tile.set(hash, at * HASH_BYTES)
        })
      return tile
    },
    entries: async (index) => {
      const start = Number(index) * TILE_WIDTH
      return encodeEntryBundle(entries.slice(start, start + TILE_WIDTH))
    },
  }
}
