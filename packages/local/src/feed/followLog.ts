import { decodeBase64, equalBytes } from '@countersign/protocol/json/base64.ts'
import { openCheckpoint, type VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { verifyConsistency } from '@countersign/protocol/log/merkle.ts'
import { consistencyProof, rootHash, type TileReader } from '@countersign/protocol/log/proof.ts'
import type { PolicyLog } from '@countersign/protocol/policy/verificationPolicy.ts'
import { feedError } from './errors.ts'
import { type FeedState, keepEvidence, loadFeedState, saveFeedState } from './feedStore.ts'
import { type LogKind, logKey } from './logKey.ts'
import { openLogReader, type ReadDeps } from './logReader.ts'
import { readNewRecords } from './readNewRecords.ts'

/** Where one log is followed to. */
export interface FollowedLog {
  readonly checkpoint: VerifiedCheckpoint
  /** This clock minus the server's, in milliseconds; unauthenticated. */
  readonly clockOffsetMs?: number
}

/**
 * Fetches the newest checkpoint of `log`, verifies its signature and that it continues what this machine has seen, and keeps
 * it in `folder` durably. Of a revocation log the new entries are read first, so what is kept is never ahead of what is known.
 * Throws `feed.rolled-back`; `feed.forked` after the evidence is kept; `feed.tiles-wrong`, `feed.unreachable`,
 * `feed.damaged`, `log.*` for a checkpoint that does not verify, `files.*`.
 */
export async function followLog(log: PolicyLog, kind: LogKind, folder: string, deps: ReadDeps): Promise<FollowedLog> {
  const key = logKey(log, kind)
  const state = await loadFeedState(folder, log.origin)
  const known = state && openCheckpoint(state.note, key)
  const reader = openLogReader(log.url, deps)
  const { note, ...noticed } = await reader.checkpoint()
  const checkpoint = openCheckpoint(note, key)
  const tiles = reader.tiles(checkpoint.size)
  await refuseAfterClosing(log, checkpoint, folder)
  if (known) await checkContinues(known, checkpoint, folder, tiles)
  const records = kind === 'revocations' ? await readNewRecords(state, checkpoint, reader, tiles) : {}
  await keep(state, { v: 1, origin: log.origin, note, ...records }, folder)
  return { checkpoint, ...noticed }
}

/** Proves that `offered` continues `known`, or says how it does not. Both are signed by the log. */
async function checkContinues(
  known: VerifiedCheckpoint,
  offered: VerifiedCheckpoint,
  folder: string,
  tiles: TileReader,
): Promise<void> {
  const sizes = `${offered.origin}: known size ${known.size}, offered ${offered.size}`
  if (offered.size < known.size) throw feedError('feed.rolled-back', sizes)
  if (offered.size === known.size) {
    if (!equalBytes(known.root, offered.root)) throw await forked(known, offered, folder)
    return
  }
  const proof = await consistencyProof(known.size, offered.size, tiles)
  try {
    verifyConsistency({
      oldSize: known.size,
      oldRoot: known.root,
      newSize: offered.size,
      newRoot: offered.root,
      proof,
    })
  } catch (cause) {
    // Only tiles that lead to the signed root prove a fork; others are the network's or the mirror's fault.
    if (equalBytes(await rootHash(offered.size, tiles), offered.root)) throw await forked(known, offered, folder)
    throw feedError('feed.tiles-wrong', sizes, { cause })
  }
}

async function refuseAfterClosing(log: PolicyLog, offered: VerifiedCheckpoint, folder: string): Promise<void> {
  if (log.closed === undefined) return
  const size = BigInt(log.closed.size)
  const isFinal = offered.size === size && equalBytes(offered.root, decodeBase64(log.closed.root, 'final root'))
  if (offered.size < size || isFinal) return
  const known = `the policy says that ${log.origin} ended at ${log.closed.size} ${log.closed.root}`
  const path = await keepEvidence(folder, { origin: log.origin, known, offered: offered.note })
  throw feedError('feed.forked', `${known}, but it offers size ${offered.size}; evidence in ${path}`, {
    detail: { path },
  })
}

async function forked(known: VerifiedCheckpoint, offered: VerifiedCheckpoint, folder: string) {
  const { origin } = known
  const path = await keepEvidence(folder, { origin, known: known.note, offered: offered.note })
  return feedError('feed.forked', `${origin} signed two histories; evidence in ${path}`, { detail: { path } })
}

/** Spares the fsync where nothing is new, which is most of the time for a log that nobody writes to. */
async function keep(old: FeedState | undefined, state: FeedState, folder: string): Promise<void> {
  if (JSON.stringify(old) !== JSON.stringify(state)) await saveFeedState(folder, state)
}
