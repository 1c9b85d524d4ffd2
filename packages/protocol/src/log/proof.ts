import { logError } from './errors.ts'
import { EMPTY_ROOT, HASH_BYTES, type Hash, nodeHash, TREE_SIZE_LIMIT } from './merkle.ts'
import { TILE_HEIGHT, TILE_WIDTH, tileWidth } from './tiles.ts'

/**
 * Fetches a tile: `width` hashes of 32 bytes each. A reader that finds no partial tile may return the full one; only
 * the first `width` hashes are used. Rejections of the reader pass through unchanged.
 */
export type TileReader = (level: number, index: bigint, width: number) => Promise<Uint8Array>

/**
 * Hashes that prove leaf `index` in the tree of the first `size` leaves, the leaf's sibling first, for `verifyInclusion`.
 * RFC 6962, 2.1.1. Reads each tile once: at most two per tile level. Does not check the tiles: verify the proof against
 * a checkpoint. Throws `log.range-wrong` for an index outside the tree, `log.tile-wrong` for a tile that is too short.
 */
export async function inclusionProof(index: bigint, size: bigint, read: TileReader): Promise<Hash[]> {
  if (index < 0n || index >= size || size >= TREE_SIZE_LIMIT) {
    throw logError('log.range-wrong', 'the leaf index is not below the tree size')
  }
  const tree = openTree(size, read)
  const proof: Hash[] = []
  let start = 0n
  let end = size
  while (end - start > 1n) {
    const middle = start + largestPowerBelow(end - start)
    if (index < middle) {
      proof.push(await tree(middle, end))
      end = middle
    } else {
      proof.push(await tree(start, middle))
      start = middle
    }
  }
  return proof.reverse()
}

/**
 * Hashes that prove that the tree of `newSize` leaves extends the tree of `oldSize` leaves, for `verifyConsistency`.
 * RFC 6962, 2.1.2; empty when `oldSize` is 0 or equals `newSize`. Same reading and trust as `inclusionProof`.
 * Throws `log.range-wrong` when the tree would shrink, `log.tile-wrong` for a tile that is too short.
 */
export async function consistencyProof(oldSize: bigint, newSize: bigint, read: TileReader): Promise<Hash[]> {
  if (oldSize < 0n || oldSize > newSize || newSize >= TREE_SIZE_LIMIT) {
    throw logError('log.range-wrong', 'the older tree size is not between 0 and the newer one')
  }
  if (oldSize === 0n || oldSize === newSize) return []
  const tree = openTree(newSize, read)
  const proof: Hash[] = []
  let start = 0n
  let end = newSize
  // SUBPROOF(m, D[n], b): b holds while everything left of here is the whole old tree, whose root the verifier has.
  let wholeOldTree = true
  while (end !== oldSize) {
    const middle = start + largestPowerBelow(end - start)
    if (oldSize <= middle) {
      proof.push(await tree(middle, end))
      end = middle
    } else {
      proof.push(await tree(start, middle))
      start = middle
      wholeOldTree = false
    }
  }
  if (!wholeOldTree) proof.push(await tree(start, end))
  return proof.reverse()
}

/**
 * Root of the tree of the first `size` leaves, computed from its tiles. Reads the right edge only: the tiles are
 * trusted to be what they were when written. Throws `log.range-wrong`, `log.tile-wrong`.
 */
export async function rootHash(size: bigint, read: TileReader): Promise<Hash> {
  if (size < 0n || size >= TREE_SIZE_LIMIT) throw logError('log.range-wrong', 'a tree size is between 0 and 2^63')
  return size === 0n ? EMPTY_ROOT : openTree(size, read)(0n, size)
}

/** Returns MTH(D[start:end]) of RFC 6962, 2.1, for ranges that the recursive split of the tree produces. */
function openTree(size: bigint, read: TileReader): (start: bigint, end: bigint) => Promise<Hash> {
  const tiles = new Map<string, Promise<Uint8Array>>()

  function tileOf(level: number, index: bigint): Promise<Uint8Array> {
    const key = `${level}/${index}`
    const known = tiles.get(key)
    if (known !== undefined) return known
    const width = tileWidth(level, index, size)
    const tile = read(level, index, width).then((bytes) => checkedTile(bytes, width))
    tiles.set(key, tile)
    return tile
  }

  /** Hash of a complete subtree: `height` levels above the leaves, `start` a multiple of 2^height. */
  async function complete(start: bigint, height: number): Promise<Hash> {
    const level = Math.floor(height / TILE_HEIGHT)
    const first = start >> BigInt(TILE_HEIGHT * level)
    const tile = await tileOf(level, first / BigInt(TILE_WIDTH))
    return hashWithin(tile, Number(first % BigInt(TILE_WIDTH)), 2 ** (height - TILE_HEIGHT * level))
  }

  async function range(start: bigint, end: bigint): Promise<Hash> {
    const width = end - start
    const half = width === 1n ? 1n : largestPowerBelow(width)
    if (width === 1n || half * 2n === width) return complete(start, width.toString(2).length - 1)
    return nodeHash(await range(start, start + half), await range(start + half, end))
  }
  return range
}

function checkedTile(bytes: Uint8Array, width: number): Uint8Array {
  const isPartOfFull = bytes.length === TILE_WIDTH * HASH_BYTES
  if (bytes.length !== width * HASH_BYTES && !isPartOfFull) {
    throw logError('log.tile-wrong', `a tile of width ${width} has ${bytes.length} bytes`)
  }
  return bytes.subarray(0, width * HASH_BYTES)
}

function hashWithin(tile: Uint8Array, offset: number, count: number): Hash {
  if (count === 1) return tile.slice(offset * HASH_BYTES, (offset + 1) * HASH_BYTES)
  const half = count / 2
  return nodeHash(hashWithin(tile, offset, half), hashWithin(tile, offset + half, half))
}

/** Largest power of two that is smaller than `count`; `count` is at least 2. */
function largestPowerBelow(count: bigint): bigint {
  return 1n << BigInt((count - 1n).toString(2).length - 1)
}
