import { join } from 'node:path'
import { decodeEntryBundle, encodeEntryBundle, MAX_ENTRY_BYTES } from '@countersign/protocol/log/entryBundle.ts'
import { TILE_WIDTH } from '@countersign/protocol/log/tiles.ts'
import { makeFolder, replaceFile } from '../files/durable.ts'
import { readBounded } from '../files/readBounded.ts'
import { originName } from './feedStore.ts'
import { ReadFiles } from './readFiles.ts'

/** Most entries of one revocation log that a machine keeps; a log that is longer makes what is known incomplete. */
export const MAX_RECORDS = 1_048_576n

const MAX_BUNDLE_BYTES = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)
/** A log of more bytes is read from disk at every push, all but its newest part. */
const bundles = new ReadFiles<readonly Uint8Array[]>(16 * 1024 * 1024)

/**
 * Keeps the first `entries.length` entries of bundle `index` of the log `origin`, in place of what was kept of it. The whole
 * bundle is written again, so a crash leaves the old ones or the new ones. Durable when this resolves. Throws `files.*`.
 */
export async function keepRecords(
  folder: string,
  origin: string,
  index: bigint,
  entries: readonly Uint8Array[],
): Promise<void> {
  await makeFolder(recordFolder(folder, origin), { point: 'feed.records-folder', mode: 0o700 })
  const path = bundlePath(folder, origin, index)
  await replaceFile(path, encodeEntryBundle(entries), { point: 'feed.records', mode: 0o600 })
  bundles.set(path, [...entries])
}

/**
 * The first `count` entries that are kept of the log `origin`, as they were logged; fewer where files are missing or cut.
 * Trusts nothing: the caller compares them with the checkpoint. Throws `files.not-readable`.
 */
export async function loadRecords(folder: string, origin: string, count: bigint): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = []
  for (let index = 0n; index * BigInt(TILE_WIDTH) < count; index++) {
    const width = Number(smaller(count - index * BigInt(TILE_WIDTH), BigInt(TILE_WIDTH)))
    const bundle = await loadBundle(bundlePath(folder, origin, index), width)
    for (const entry of bundle) entries.push(entry)
    if (bundle.length < width) break
  }
  return entries
}

async function loadBundle(path: string, width: number): Promise<readonly Uint8Array[]> {
  const entries = (await bundles.get(path, async () => readBundle(await readBounded(path, MAX_BUNDLE_BYTES)))) ?? []
  // Fewer than were kept are no bundle that was kept, and are fetched again.
  return entries.length < width ? [] : entries.slice(0, width)
}

function readBundle(bytes: Uint8Array): Uint8Array[] {
  try {
    return decodeEntryBundle(bytes, { maxEntries: TILE_WIDTH })
  } catch {
    // Whatever is wrong with the file, the entries in it are not the ones that were kept; they are fetched again.
    return []
  }
}

function bundlePath(folder: string, origin: string, index: bigint): string {
  return join(recordFolder(folder, origin), `entries-${index}`)
}

function recordFolder(folder: string, origin: string): string {
  return join(folder, 'feed', originName(origin))
}

/** The smaller of two sizes; `Math.min` takes no bigint. */
export function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
