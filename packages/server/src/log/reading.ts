import type { TileReader } from '@countersign/protocol/log/proof.ts'
import { entryBundlePath, TILE_WIDTH, tilePath } from '@countersign/protocol/log/tiles.ts'
import { logKeepingError } from './errors.ts'
import type { OpenedLog } from './openedLog.ts'

/** Where the files of a log are. */
export type LogFiles = Pick<OpenedLog, 'deps' | 'spec'>

/** The hashes of a tile of exactly this width, or undefined where there is none. */
export async function readTile(
  { deps, spec }: LogFiles,
  level: number,
  index: bigint,
  width: number,
): Promise<Uint8Array | undefined> {
  return deps.blobs.get(`${spec.folder}/${tilePath(level, index, width)}`)
}

/** An entry bundle or data tile of exactly this width, or undefined where there is none. */
export async function readEntries(
  { deps, spec }: LogFiles,
  index: bigint,
  width: number,
): Promise<Uint8Array | undefined> {
  return deps.blobs.get(`${spec.folder}/${entryBundlePath(index, width, spec.entriesAs)}`)
}

/**
 * Reads tiles that must be there; for a partial one that was collected, the full one, of which `inclusionProof` uses what
 * it needs (C2SP tlog-tiles). What it reads is checked by whoever verifies the proof. Throws `log.files-missing`.
 */
export function requireTile(files: LogFiles): TileReader {
  return async (level, index, width) => {
    const tile = (await readTile(files, level, index, width)) ?? (await readTile(files, level, index, TILE_WIDTH))
    if (tile !== undefined) return tile
    throw logKeepingError('log.files-missing', `${files.spec.folder} has no ${tilePath(level, index, width)}`)
  }
}
