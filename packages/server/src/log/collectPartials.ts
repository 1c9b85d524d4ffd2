import { entryBundlePath, TILE_HEIGHT, TILE_WIDTH, tilePath } from '@countersign/protocol/log/tiles.ts'
import type { OpenedLog } from './openedLog.ts'

/**
 * Deletes partial tiles and entry bundles whose full one is published; a reader that is told of a missing partial asks for
 * the full one (C2SP tlog-tiles). Without this, a log that grows entry by entry keeps each bundle 128 times over.
 * Looks at each full tile once after each start. Returns how many objects went; stops early when `signal` aborts.
 */
export async function collectPartials(log: OpenedLog, signal?: AbortSignal): Promise<number> {
  const { size } = log.published
  let deleted = await collectLevel(
    log,
    size,
    'bundles',
    (index) => entryBundlePath(index, TILE_WIDTH, log.spec.entriesAs),
    signal,
  )
  for (let level = 0; size >> BigInt(TILE_HEIGHT * (level + 1)) > 0n; level++) {
    const hashes = size >> BigInt(TILE_HEIGHT * level)
    deleted += await collectLevel(log, hashes, `level ${level}`, (index) => tilePath(level, index, TILE_WIDTH), signal)
  }
  return deleted
}

/** `hashes` of this level are published; only tiles left of the last full one count. */
async function collectLevel(
  log: OpenedLog,
  hashes: bigint,
  what: string,
  fullPath: (index: bigint) => string,
  signal: AbortSignal | undefined,
): Promise<number> {
  let deleted = 0
  const end = hashes / BigInt(TILE_WIDTH)
  for (let index = log.collected.get(what) ?? 0n; index < end; index++) {
    if (signal?.aborted) return deleted
    deleted += await collectBeside(log, `${log.spec.folder}/${fullPath(index)}`)
    log.collected.set(what, index + 1n)
  }
  return deleted
}

async function collectBeside({ deps: { blobs } }: OpenedLog, full: string): Promise<number> {
  const partials = await Array.fromAsync(blobs.list(`${full}.p`))
  // Only what the full one replaces: where it is missing, the partials are all that is left.
  if (partials.length === 0 || (await blobs.stat(full)) === undefined) return 0
  for (const partial of partials) await blobs.delete(partial, { point: 'log.collect' })
  return partials.length
}
