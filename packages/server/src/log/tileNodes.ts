import { HASH_BYTES, type Hash, nodeHash } from '@countersign/protocol/log/merkle.ts'
import { TILE_HEIGHT, TILE_WIDTH } from '@countersign/protocol/log/tiles.ts'

/** Nodes of a full binary tree over 256 hashes. */
const NODES = 2 * TILE_WIDTH - 1

/**
 * One tile with the complete subtrees inside it, so that a proof is looked up and not computed: one hash for each entry,
 * where computing every proof from the tile alone would take 255. 16 KB.
 */
export class TileNodes {
  readonly #nodes = new Uint8Array(NODES * HASH_BYTES)
  #width = 0

  /** A tile from its stored form: 0 to 256 hashes. The length is the caller's to check. */
  static from(hashes: Uint8Array): TileNodes {
    const tile = new TileNodes()
    for (let at = 0; at < hashes.length; at += HASH_BYTES) tile.push(hashes.subarray(at, at + HASH_BYTES))
    return tile
  }

  /** Number of hashes, 0 to 256. */
  get width(): number {
    return this.#width
  }

  /** True once the tile can never change again. */
  get isFull(): boolean {
    return this.#width === TILE_WIDTH
  }

  /** Adds one hash on the right. The caller starts a new tile when this one is full. */
  push(hash: Hash): void {
    let position = this.#width++
    let height = 0
    this.#nodes.set(hash, offset(0, position))
    while (position % 2 === 1) {
      const parent = nodeHash(this.node(height, position - 1), this.node(height, position))
      height++
      position = (position - 1) / 2
      this.#nodes.set(parent, offset(height, position))
    }
  }

  /** The root of the complete subtree `height` levels (0 to 8) above the tile's hashes. A view: do not keep it past a `push`. */
  node(height: number, position: number): Hash {
    const start = offset(height, position)
    return this.#nodes.subarray(start, start + HASH_BYTES)
  }

  /** Root of the full tile: its hash in the tile above. */
  root(): Hash {
    return this.node(TILE_HEIGHT, 0)
  }

  /** The stored form of the first `width` hashes. */
  hashes(width: number): Uint8Array {
    return this.#nodes.slice(0, width * HASH_BYTES)
  }

  /** An independent copy, to build on. */
  copy(): TileNodes {
    const copy = new TileNodes()
    copy.#nodes.set(this.#nodes)
    copy.#width = this.#width
    return copy
  }
}

/** Rows of 256, 128, … 1 nodes lie one after the other. */
function offset(height: number, position: number): number {
  return (2 * TILE_WIDTH - ((2 * TILE_WIDTH) >> height) + position) * HASH_BYTES
}
