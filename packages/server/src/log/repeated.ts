import type { Hash } from '@countersign/protocol/log/merkle.ts'
import { HASH_BYTES } from '@countersign/protocol/log/merkle.ts'
import { inclusionProof } from '@countersign/protocol/log/proof.ts'
import { TILE_WIDTH, tileWidth } from '@countersign/protocol/log/tiles.ts'
import type { OpenedLog } from './openedLog.ts'
import type { Pending } from './pool.ts'
import { requireTile } from './reading.ts'
import type { Appended } from './transparencyLog.ts'

/** An entry that the log has already, at `index`. */
export interface Repeated {
  readonly pending: Pending
  readonly index: number
}

/** Divides a pool into entries that the log has and entries that it has not. */
export async function sortOut(
  log: OpenedLog,
  pool: readonly Pending[],
): Promise<{ readonly repeated: Repeated[]; readonly fresh: Pending[] }> {
  const indexes = await log.known.find(pool.map((pending) => pending.entry.dedupeKey))
  const repeated: Repeated[] = []
  const fresh: Pending[] = []
  pool.forEach((pending, at) => {
    const index = indexes[at]
    if (index === undefined) fresh.push(pending)
    else repeated.push({ pending, index })
  })
  return { repeated, fresh }
}

/**
 * Answers for entries that are in the log: their place, proved in the published tree. Reads tiles, so it does not hold up
 * the next round; every caller gets an answer or the reason why not.
 */
export function answerRepeated(log: OpenedLog, repeated: readonly Repeated[]): void {
  for (const { pending, index } of repeated) {
    prove(log, BigInt(index)).then(
      (appended) => pending.resolve(appended),
      (error) => pending.reject(error),
    )
  }
}

async function prove(log: OpenedLog, index: bigint): Promise<Appended> {
  const { size, root, note: checkpoint } = log.published
  const read = requireTile(log)
  const proof = await inclusionProof(index, size, read)
  const leafHash = await leafHashAt(index, size, read)
  return { index, leafHash, size, root, proof, checkpoint, duplicate: true }
}

async function leafHashAt(index: bigint, size: bigint, read: ReturnType<typeof requireTile>): Promise<Hash> {
  const tile = index / BigInt(TILE_WIDTH)
  const hashes = await read(0, tile, tileWidth(0, tile, size))
  const at = Number(index % BigInt(TILE_WIDTH)) * HASH_BYTES
  return hashes.slice(at, at + HASH_BYTES)
}
