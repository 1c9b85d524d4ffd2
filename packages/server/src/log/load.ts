import { equalBytes } from '@countersign/protocol/json/base64.ts'
import type { VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { decodeEntryBundle } from '@countersign/protocol/log/entryBundle.ts'
import { HASH_BYTES, leafHash } from '@countersign/protocol/log/merkle.ts'
import { decodeDataTile, merkleTreeLeaf, tileLeaf } from '@countersign/protocol/log/staticCt.ts'
import { entryBundlePath, rightEdgeTiles, TILE_WIDTH, type Tile, tilePath } from '@countersign/protocol/log/tiles.ts'
import { openOwn } from './checkpoints.ts'
import { logKeepingError } from './errors.ts'
import { GrowingTree } from './growingTree.ts'
import type { Committed } from './openedLog.ts'
import { type LogFiles, readEntries, requireTile } from './reading.ts'
import { bundleStart, type StagedFile, unpackBundle } from './staging.ts'
import type { LogRow } from './store.ts'
import type { LogSpec } from './transparencyLog.ts'

/** The published checkpoint, verified by the log's own keys; undefined where none was ever published. */
export async function readPublished({ deps, spec }: LogFiles): Promise<VerifiedCheckpoint | undefined> {
  const note = await deps.blobs.get(`${spec.folder}/checkpoint`)
  return note === undefined ? undefined : openOwn(spec, Buffer.from(note).toString())
}

/**
 * Compares what is published with what the database has committed to. A log goes on only if the first is an earlier state
 * of the second. Throws `log.files-missing`, `log.forked`, `log.published-newer`.
 */
export function comparePublished(published: VerifiedCheckpoint | undefined, committed: VerifiedCheckpoint): void {
  if (published === undefined) {
    // Only a log that was never published has none: the process ended while it made the log.
    if (committed.size === 0n) return
    throw logKeepingError(
      'log.files-missing',
      `no checkpoint is published, but ${committed.size} entries are committed`,
    )
  }
  if (published.size > committed.size) {
    const message = `${published.size} entries are published, the database knows ${committed.size}`
    throw logKeepingError('log.published-newer', message)
  }
  if (published.size === committed.size && !equalBytes(published.root, committed.root)) {
    throw logKeepingError('log.forked', `the published root of ${published.size} entries is not the committed one`)
  }
}

/** The files of the last growth, from the bundle that the database names. Throws `log.files-missing`, `log.files-wrong`. */
export async function readBundle({ deps, spec }: LogFiles, path: string | null): Promise<StagedFile[]> {
  const bytes = path === null ? undefined : await deps.blobs.get(`${spec.folder}/${path}`)
  if (path === null || bytes === undefined) {
    throw logKeepingError('log.files-missing', 'entries are committed whose staged bundle is gone')
  }
  return unpackBundle({ path, bytes })
}

/**
 * Takes up the tree where the committed checkpoint left it: reads the right edge and the last entry bundle, and checks
 * both against the root before anything is built on them. `owed` files count as stored.
 * Throws `log.files-missing`, `log.files-wrong`.
 */
export async function takeUp(
  files: LogFiles,
  row: LogRow,
  checkpoint: VerifiedCheckpoint,
  owed: readonly StagedFile[],
): Promise<Committed> {
  const { size, root } = checkpoint
  const edge = rightEdgeTiles(size)
  const tiles = await Promise.all(edge.map((tile) => edgeTile(files, tile, owed)))
  const tree = GrowingTree.fromRightEdge(size, tiles)
  if (!equalBytes(tree.root(), root)) {
    throw logKeepingError('log.files-wrong', `the tiles of ${files.spec.name} do not lead to the committed root`)
  }
  const [last] = edge
  const [hashes] = tiles
  const bundle = last === undefined || hashes === undefined ? [] : await lastBundle(files, last, hashes, owed)
  const partialBundle = bundle.length === TILE_WIDTH ? [] : bundle
  return { checkpoint, timeMs: BigInt(row.time_ms), staging: row.staging, tree, partialBundle }
}

/**
 * Deletes bundles that can never be committed, because they extend a tree smaller than the committed one. One of the same
 * size may be another process's round under way, which then loses this log the race, not the entries.
 */
export async function removeLeftovers({ deps, spec }: LogFiles, size: bigint): Promise<void> {
  for await (const key of deps.blobs.list(`${spec.folder}/staging`)) {
    const start = bundleStart(key.slice(spec.folder.length + 1))
    if (start !== undefined && start < size) await deps.blobs.delete(key, { point: 'log.leftover' })
  }
}

async function edgeTile(files: LogFiles, tile: Tile, owed: readonly StagedFile[]): Promise<Uint8Array> {
  const path = tilePath(tile.level, tile.index, tile.width)
  const staged = owed.find((file) => file.path === path)
  const bytes = staged?.bytes ?? (await requireTile(files)(tile.level, tile.index, tile.width))
  if (bytes.length !== tile.width * HASH_BYTES) throw logKeepingError('log.files-wrong', `${path} has a wrong length`)
  return bytes
}

async function lastBundle(
  files: LogFiles,
  { index, width }: Tile,
  hashes: Uint8Array,
  owed: readonly StagedFile[],
): Promise<Uint8Array[]> {
  const { entriesAs } = files.spec
  const path = entryBundlePath(index, width, entriesAs)
  const bytes = owed.find((file) => file.path === path)?.bytes ?? (await readEntries(files, index, width))
  if (bytes === undefined) throw logKeepingError('log.files-missing', `${files.spec.folder} has no ${path}`)
  const entries = readBundleEntries(bytes, entriesAs)
  const isWhole = entries.length === width
  entries.forEach(({ leaf }, at) => {
    if (isWhole && equalBytes(leafHash(leaf), hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES))) return
    throw logKeepingError('log.files-wrong', `entry ${at} of ${path} is not the one that was logged`)
  })
  return entries.map(({ stored }) => stored)
}

function readBundleEntries(bytes: Uint8Array, entriesAs: LogSpec['entriesAs']) {
  if (entriesAs === 'entries') {
    return decodeEntryBundle(bytes, { maxEntries: TILE_WIDTH }).map((entry) => ({ leaf: entry, stored: entry }))
  }
  return decodeDataTile(bytes, { maxEntries: TILE_WIDTH }).map((entry) => ({
    leaf: merkleTreeLeaf(entry),
    stored: tileLeaf(entry),
  }))
}
