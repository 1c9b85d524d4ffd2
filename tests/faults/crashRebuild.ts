import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { equalBytes } from '@countersign/protocol/json/base64.ts'
import { openCheckpoint, type VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { decodeEntryBundle } from '@countersign/protocol/log/entryBundle.ts'
import { EMPTY_ROOT, HASH_BYTES, type Hash, leafHash, nodeHash } from '@countersign/protocol/log/merkle.ts'
import type { NoteKey } from '@countersign/protocol/log/note.ts'
import type { TileReader } from '@countersign/protocol/log/proof.ts'
import { decodeDataTile, merkleTreeLeaf } from '@countersign/protocol/log/staticCt.ts'
import { entryBundlePath, newTiles, parseTilePath, TILE_WIDTH, tilePath } from '@countersign/protocol/log/tiles.ts'

/** One log as it was rebuilt from its files. */
export interface RebuiltLog {
  readonly checkpoint: VerifiedCheckpoint
  readonly leaves: readonly Hash[]
  /** Of a certificate log: each entry as it was submitted (DER), which no leaf covers as a whole. */
  readonly certificates: readonly Uint8Array[]
  readonly read: TileReader
}

/**
 * Rebuilds a log from its static files and compares every file with what the entries lead to: the signed root, every tile
 * that a reader may ask for, and every older partial tile that still lies there. Throws at the first thing that is wrong.
 */
export function rebuildLog(folder: string, key: NoteKey): RebuiltLog {
  const checkpoint = openCheckpoint(readFileSync(path.join(folder, 'checkpoint'), 'utf8'), key)
  const entries = newTiles(0n, checkpoint.size)
    .filter(({ level }) => level === 0)
    .flatMap(({ index, width }) => readEntries(folder, index, width))
  const leaves = entries.map(({ leaf }) => leafHash(leaf))
  if (BigInt(leaves.length) !== checkpoint.size) throw new Error(`${leaves.length} entries, ${checkpoint.size} signed`)
  const root = rootsOf(leaves, [checkpoint.size]).get(checkpoint.size)
  if (root === undefined || !equalBytes(root, checkpoint.root)) throw new Error('the entries lead to another root')
  const levels = levelsOf(leaves)
  const read: TileReader = async (level, index, width) => hashesOf(levels, level, index, width)
  checkTiles(folder, levels, checkpoint.size)
  return { checkpoint, leaves, certificates: entries.flatMap(({ certificate }) => certificate ?? []), read }
}

interface Entry {
  readonly leaf: Uint8Array
  readonly certificate?: Uint8Array
}

function readEntries(folder: string, index: bigint, width: number): Entry[] {
  const kind = existsSync(path.join(folder, 'tile', 'data')) ? 'data' : 'entries'
  const bytes = readFileSync(path.join(folder, entryBundlePath(index, width, kind)))
  if (kind === 'entries') return decodeEntryBundle(bytes, { maxEntries: width }).map((leaf) => ({ leaf }))
  return decodeDataTile(bytes, { maxEntries: width }).map((entry) => ({
    leaf: merkleTreeLeaf(entry),
    certificate: entry.precertificate?.submitted ?? entry.certificate,
  }))
}

/** The roots of the trees that the first leaves form, for each of `sizes`; sizes beyond the leaves are left out. */
export function rootsOf(leaves: readonly Hash[], sizes: Iterable<bigint>): Map<bigint, Hash> {
  const wanted = new Set(sizes)
  const roots = new Map<bigint, Hash>(wanted.has(0n) ? [[0n, EMPTY_ROOT]] : [])
  // The complete subtrees that the leaves so far fall into, largest first.
  const subtrees: { readonly leaves: number; readonly hash: Hash }[] = []
  for (const [at, leaf] of leaves.entries()) {
    let grown = { leaves: 1, hash: leaf }
    for (let last = subtrees.at(-1); last?.leaves === grown.leaves; last = subtrees.at(-1)) {
      subtrees.pop()
      grown = { leaves: 2 * grown.leaves, hash: nodeHash(last.hash, grown.hash) }
    }
    subtrees.push(grown)
    const size = BigInt(at + 1)
    if (wanted.has(size))
      roots.set(
        size,
        subtrees.map(({ hash }) => hash).reduceRight((right, left) => nodeHash(left, right)),
      )
  }
  return roots
}

/** The hashes of each level of tiles: first the leaves, then the roots of each 256 of the level below. */
function levelsOf(leaves: readonly Hash[]): Hash[][] {
  const levels = [[...leaves]]
  for (let below = levels[0] ?? []; below.length >= TILE_WIDTH; below = levels.at(-1) ?? []) {
    const full = Math.floor(below.length / TILE_WIDTH)
    levels.push(
      Array.from({ length: full }, (_, at) => rootOfTile(below.slice(at * TILE_WIDTH, (at + 1) * TILE_WIDTH))),
    )
  }
  return levels
}

function rootOfTile(hashes: readonly Hash[]): Hash {
  const [first, second] = hashes
  if (first === undefined || second === undefined) return first ?? EMPTY_ROOT
  return rootOfTile(
    Array.from({ length: hashes.length / 2 }, (_, at) => nodeHash(hashes[2 * at] as Hash, hashes[2 * at + 1] as Hash)),
  )
}

function hashesOf(levels: readonly Hash[][], level: number, index: bigint, width: number): Uint8Array {
  const start = Number(index) * TILE_WIDTH
  return new Uint8Array(Buffer.concat((levels[level] ?? []).slice(start, start + width)))
}

function checkTiles(folder: string, levels: readonly Hash[][], size: bigint): void {
  for (const { level, index, width } of newTiles(0n, size)) {
    const file = tilePath(level, index, width)
    if (!existsSync(path.join(folder, file))) throw new Error(`${file} is missing`)
  }
  for (const file of globSync('tile/**', { cwd: folder, withFileTypes: true })) {
    // An interrupted write leaves a file whose name begins with a dot, and which nobody asks for.
    if (!file.isFile() || file.name.startsWith('.')) continue
    const name = path.relative(folder, path.join(file.parentPath, file.name)).replaceAll(path.sep, '/')
    checkTile(folder, name, levels)
  }
}

function checkTile(folder: string, name: string, levels: readonly Hash[][]): void {
  const tile = parseTilePath(name)
  const level = tile.kind === 'hashes' ? tile.level : 0
  const expected = hashesOf(levels, level, tile.index, tile.width)
  const found =
    tile.kind === 'hashes'
      ? new Uint8Array(readFileSync(path.join(folder, name)))
      : new Uint8Array(Buffer.concat(readEntries(folder, tile.index, tile.width).map(({ leaf }) => leafHash(leaf))))
  if (expected.length !== tile.width * HASH_BYTES || !equalBytes(found, expected)) throw new Error(`${name} is wrong`)
}
