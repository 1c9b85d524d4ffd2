import { equalBytes } from '@countersign/protocol/json/base64.ts'
import { EMPTY_ROOT, type Hash, nodeHash } from '@countersign/protocol/log/merkle.ts'
import { rightEdgeTiles, TILE_HEIGHT, TILE_WIDTH } from '@countersign/protocol/log/tiles.ts'
import { logKeepingError } from './errors.ts'
import { TileNodes } from './tileNodes.ts'

const HEIGHT = BigInt(TILE_HEIGHT)

/**
 * The right edge of a log's tree in memory: at each tile level the tile that is not full yet, and the tiles that became
 * full since the tree was made or copied. Enough to add leaves, to compute the root, and to prove every leaf added.
 */
export class GrowingTree {
  readonly #edge: TileNodes[]
  readonly #full = new Map<string, TileNodes>()
  readonly #folded = new Map<number, Hash | undefined>()
  #size: bigint

  private constructor(size: bigint, edge: TileNodes[]) {
    this.#size = size
    this.#edge = edge
  }

  /** The tree without leaves. */
  static empty(): GrowingTree {
    return new GrowingTree(0n, [])
  }

  /**
   * The tree of `size` leaves from `rightEdgeTiles(size)`, lowest level first; each as long as its width says.
   * Throws `log.files-wrong` where a full tile is not what the tile above it says. The root is the caller's to compare.
   */
  static fromRightEdge(size: bigint, tiles: readonly Uint8Array[]): GrowingTree {
    const nodes = tiles.map((tile) => TileNodes.from(tile))
    rightEdgeTiles(size).forEach(({ level }) => {
      const tile = nodes[level]
      const above = nodes[level + 1]
      if (!tile?.isFull) return
      if (above === undefined || !equalBytes(above.node(0, above.width - 1), tile.root())) {
        throw logKeepingError('log.files-wrong', `the last tile of level ${level} is not what the tile above it says`)
      }
    })
    return new GrowingTree(
      size,
      nodes.map((tile) => (tile.isFull ? new TileNodes() : tile)),
    )
  }

  /** Number of leaves. */
  get size(): bigint {
    return this.#size
  }

  /** An independent tree to add leaves to, so that a round which fails leaves this one as it was. */
  copy(): GrowingTree {
    return new GrowingTree(
      this.#size,
      this.#edge.map((tile) => tile.copy()),
    )
  }

  /** Adds a leaf hash as entry `size`. */
  push(leaf: Hash): void {
    const index = this.#size++
    this.#folded.clear()
    let hash = leaf
    for (let level = 0; ; level++) {
      const tile = this.#edge[level] ?? new TileNodes()
      this.#edge[level] = tile
      tile.push(hash)
      if (!tile.isFull) return
      this.#full.set(`${level}/${index >> (HEIGHT * BigInt(level + 1))}`, tile)
      this.#edge[level] = new TileNodes()
      hash = tile.root()
    }
  }

  /** MTH of all leaves. RFC 6962, 2.1. */
  root(): Hash {
    return this.#foldEdge(this.#edge.length * TILE_HEIGHT) ?? EMPTY_ROOT
  }

  /** The stored form of a tile that `push` changed or filled. */
  tile(level: number, index: bigint, width: number): Uint8Array {
    return this.#nodesOf(level, index).hashes(width)
  }

  /**
   * The hashes that prove leaf `index`, the leaf's sibling first. RFC 6962, 2.1.1.
   * Only for leaves added since the tree was made or copied: of older ones the tiles are not in memory.
   */
  inclusionProof(index: bigint): Hash[] {
    const proof: Hash[] = []
    // Up to this height the paths of this leaf and of the last leaf are apart.
    const apart = (index ^ (this.#size - 1n)).toString(2).length - (index === this.#size - 1n ? 1 : 0)
    for (let height = 0; height < apart; height++) {
      const sibling = (index >> BigInt(height)) ^ 1n
      // Only the last of them can hold the right edge, where a subtree may be incomplete.
      const isComplete = (sibling + 1n) << BigInt(height) <= this.#size
      const hash = isComplete ? this.#node(height, sibling) : this.#foldEdge(height)
      if (hash !== undefined) proof.push(hash)
    }
    for (let height = apart; index >> BigInt(height) > 0n; height++) {
      const node = index >> BigInt(height)
      if ((node & 1n) === 1n) proof.push(this.#node(height, node - 1n))
    }
    return proof
  }

  #node(height: number, position: bigint): Hash {
    const level = Math.floor(height / TILE_HEIGHT)
    const within = height % TILE_HEIGHT
    const nodesPerTile = BigInt(TILE_WIDTH >> within)
    return this.#nodesOf(level, position / nodesPerTile).node(within, Number(position % nodesPerTile))
  }

  /** Root of the complete subtrees lower than `height` at the right edge, or undefined where there are none. */
  #foldEdge(height: number): Hash | undefined {
    if (this.#folded.has(height)) return this.#folded.get(height)
    let folded: Hash | undefined
    for (let at = 0; at < height; at++) {
      const tile = this.#edge[Math.floor(at / TILE_HEIGHT)]
      const count = (tile?.width ?? 0) >> (at % TILE_HEIGHT)
      if (tile === undefined || count % 2 === 0) continue
      const peak = tile.node(at % TILE_HEIGHT, count - 1)
      folded = folded === undefined ? peak : nodeHash(peak, folded)
    }
    this.#folded.set(height, folded)
    return folded
  }

  #nodesOf(level: number, index: bigint): TileNodes {
    const tile = this.#full.get(`${level}/${index}`) ?? this.#edge[level]
    if (tile === undefined) throw new RangeError(`tile ${level}/${index} is not in memory`)
    return tile
  }
}
