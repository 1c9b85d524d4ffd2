import { logError } from './errors.ts'
import { TREE_SIZE_LIMIT } from './merkle.ts'

/** Hashes of a full tile, and entries of a full entry bundle. C2SP tlog-tiles. */
export const TILE_WIDTH = 256

/** Levels of the tree that one level of tiles spans: 2^8 = 256. */
export const TILE_HEIGHT = 8

/** Highest tile level that a path may name. C2SP tlog-tiles. */
export const MAX_TILE_LEVEL = 63

/** `entries` holds 16-bit length-prefixed entries (tlog-tiles), `data` holds CT data-tile leaves (static-ct-api). */
export type EntryBundleKind = 'entries' | 'data'

/** Names one tile of hashes: `width` is 1 to 256, 256 being the full tile. */
export interface Tile {
  readonly level: number
  readonly index: bigint
  readonly width: number
}

/** What a path below a log's prefix names. */
export type TilePath =
  | ({ readonly kind: 'hashes' } & Tile)
  | { readonly kind: EntryBundleKind; readonly index: bigint; readonly width: number }

/**
 * Path of a tile below the log's prefix, such as `tile/0/x001/x234/067` or `tile/1/000.p/17`. C2SP tlog-tiles.
 * Throws `log.range-wrong` for a level outside 0–63, a width outside 1–256 or an impossible index.
 */
export function tilePath(level: number, index: bigint, width: number): string {
  if (!Number.isInteger(level) || level < 0 || level > MAX_TILE_LEVEL) {
    throw logError('log.range-wrong', 'a tile level is between 0 and 63')
  }
  return `tile/${level}/${indexPath(index)}${widthSuffix(width)}`
}

/** Path of an entry bundle below the log's prefix, such as `tile/entries/000.p/5`. Throws `log.range-wrong`. */
export function entryBundlePath(index: bigint, width: number, kind: EntryBundleKind): string {
  return `tile/${kind}/${indexPath(index)}${widthSuffix(width)}`
}

const PATH =
  /^tile\/(?<level>0|[1-9]\d?|entries|data)\/(?<index>(?:x\d{3}\/){0,6}\d{3})(?:\.p\/(?<width>[1-9]\d{0,2}))?$/

/**
 * Reads the path of a tile or entry bundle. Only the one canonical spelling is accepted, so that one resource has one
 * address: no leading zero groups, no `.p/256`. Throws `log.path-wrong`.
 */
export function parseTilePath(path: string): TilePath {
  const groups = path.length <= 64 ? PATH.exec(path)?.groups : undefined
  if (groups === undefined) throw logError('log.path-wrong', 'not the path of a tile')
  const { level = '', index: digits = '' } = groups
  const index = BigInt(digits.replaceAll(/[x/]/g, ''))
  const width = groups.width === undefined ? TILE_WIDTH : Number(groups.width)
  const kind = level === 'entries' || level === 'data' ? level : 'hashes'
  if (index >= TREE_SIZE_LIMIT || indexPath(index) !== digits) {
    throw logError('log.path-wrong', 'the tile index is not in its shortest form')
  }
  if (groups.width !== undefined && width >= TILE_WIDTH) {
    throw logError('log.path-wrong', 'a partial tile has 1 to 255 hashes')
  }
  if (kind !== 'hashes') return { kind, index, width }
  if (Number(level) > MAX_TILE_LEVEL) throw logError('log.path-wrong', 'a tile level is between 0 and 63')
  return { kind, level: Number(level), index, width }
}

/**
 * Number of hashes (0–256) that tile `index` of `level` has in a tree of `size` leaves; 0 when it does not exist.
 * Level 0 also gives the number of entries of entry bundle `index`. C2SP tlog-tiles.
 */
export function tileWidth(level: number, index: bigint, size: bigint): number {
  const hashes = (size >> BigInt(TILE_HEIGHT * level)) - index * BigInt(TILE_WIDTH)
  return hashes <= 0n ? 0 : hashes >= BigInt(TILE_WIDTH) ? TILE_WIDTH : Number(hashes)
}

/**
 * Every tile that must be stored when a log grows from `oldSize` to `newSize`, lowest level first, left to right: the
 * full tiles that were not full before, and the partial tile of each level if it changed. From size 0: all tiles.
 * The tiles of level 0 are also the entry bundles to store. Throws `log.range-wrong` when the tree would shrink.
 */
export function newTiles(oldSize: bigint, newSize: bigint): Tile[] {
  if (oldSize < 0n || newSize < oldSize) throw logError('log.range-wrong', 'a log does not shrink')
  const tiles: Tile[] = []
  for (let level = 0; newSize >> BigInt(TILE_HEIGHT * level) > 0n; level++) {
    const oldHashes = oldSize >> BigInt(TILE_HEIGHT * level)
    const newHashes = newSize >> BigInt(TILE_HEIGHT * level)
    if (oldHashes === newHashes) continue
    for (let index = oldHashes / BigInt(TILE_WIDTH); index * BigInt(TILE_WIDTH) < newHashes; index++) {
      tiles.push({ level, index, width: tileWidth(level, index, newSize) })
    }
  }
  return tiles
}

/** The rightmost tile of every level of a tree of `size` leaves, lowest level first: all that is needed to go on. */
export function rightEdgeTiles(size: bigint): Tile[] {
  const tiles: Tile[] = []
  for (let level = 0; size >> BigInt(TILE_HEIGHT * level) > 0n; level++) {
    const index = ((size >> BigInt(TILE_HEIGHT * level)) - 1n) / BigInt(TILE_WIDTH)
    tiles.push({ level, index, width: tileWidth(level, index, size) })
  }
  return tiles
}

function indexPath(index: bigint): string {
  if (index < 0n || index >= TREE_SIZE_LIMIT) throw logError('log.range-wrong', 'a tile index is not negative')
  const digits = index.toString()
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? []
  return groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join('/')
}

function widthSuffix(width: number): string {
  if (!Number.isInteger(width) || width < 1 || width > TILE_WIDTH) {
    throw logError('log.range-wrong', 'a tile has 1 to 256 hashes')
  }
  return width === TILE_WIDTH ? '' : `.p/${width}`
}
