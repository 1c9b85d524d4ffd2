import { decodeBase64, equalBytes } from '@countersign/protocol/json/base64.ts'
import type { VerifiedCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { verifyConsistency } from '@countersign/protocol/log/merkle.ts'
import { consistencyProof, rootHash, type TileReader } from '@countersign/protocol/log/proof.ts'
import type { PolicyLog, VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { feedError } from './errors.ts'
import { type FeedState, keepEvidence, loadFeedState, saveFeedState } from './feedStore.ts'
import type { LogKind } from './logKey.ts'
import { type LogReader, openLogReader, type ReadDeps } from './logReader.ts'
import { noteFreshness, openNote } from './openedNotes.ts'
import { readNewRecords } from './readNewRecords.ts'

/** How one log is followed. */
export interface FollowLogDeps extends ReadDeps {
  readonly witnesses?: VerificationPolicy['witnesses']
}

/** Where one log is followed to. */
export interface FollowedLog {
  readonly checkpoint: VerifiedCheckpoint
  /** This clock minus the server's, in milliseconds; unauthenticated. */
  readonly clockOffsetMs?: number
}

/** A checkpoint that somebody offers, unverified, and where the tree below it is read. */
export interface OfferedCheckpoint {
  readonly note: string
  /** Whose times say which of two notes about the same tree is fresher; without them the newer offer replaces the older. */
  readonly witnesses?: VerificationPolicy['witnesses']
  readonly reader: Pick<LogReader, 'tiles' | 'entries'>
}

/**
 * Fetches the newest checkpoint of `log`, verifies its signature and that it continues what this machine has seen, and keeps
 * it in `folder` durably. Of a revocation log the new entries are kept first, so the checkpoint is never ahead of them
 * without saying so. Throws `feed.rolled-back`; `feed.forked` after the evidence is kept; `feed.tiles-wrong`,
 * `feed.unreachable`, `feed.damaged`, `log.*` for a checkpoint that does not verify, `files.*`.
 */
export async function followLog(
  log: PolicyLog,
  kind: LogKind,
  folder: string,
  deps: FollowLogDeps,
): Promise<FollowedLog> {
  const reader = openLogReader(log.url, deps)
  const { note, ...noticed } = await reader.checkpoint()
  const offered = { note, reader, ...(deps.witnesses && { witnesses: deps.witnesses }) }
  return { checkpoint: await acceptCheckpoint(log, kind, folder, offered), ...noticed }
}

/** What `followLog` does with a checkpoint, whoever brought it: fetched or pushed. Throws the same codes. */
export async function acceptCheckpoint(
  log: PolicyLog,
  kind: LogKind,
  folder: string,
  { note, reader, witnesses }: OfferedCheckpoint,
): Promise<VerifiedCheckpoint> {
  const checkpoint = openNote(note, log, kind)
  const state = await loadFeedState(folder, log.origin)
  const known = state && openNote(state.note, log, kind)
  const tiles = reader.tiles(checkpoint.size)
  await refuseAfterClosing(log, checkpoint, folder)
  if (known) await checkContinues(known, checkpoint, folder, tiles)
  if (known?.size === checkpoint.size && isOlder(note, known.note, witnesses)) return checkpoint
  const records = kind === 'revocations' ? { read: String(await readRecords()) } : {}
  const fresh = freshest(state, note, witnesses)
  await keep(state, { v: 1, origin: log.origin, note, ...(fresh !== undefined && { fresh }), ...records }, folder)
  return checkpoint

  function readRecords(): Promise<bigint> {
    return readNewRecords({ checkpoint, reader, tiles, folder, read: BigInt(state?.read ?? '0') })
  }
}

/**
 * The kept note that stays beside `note` for its times. Whoever strips the cosignatures from what is on its way, which the
 * log's signature does not cover, can keep news away but not take back how fresh we were.
 */
function freshest(
  state: FeedState | undefined,
  note: string,
  witnesses: VerificationPolicy['witnesses'] | undefined,
): string | undefined {
  const kept = state?.fresh ?? state?.note
  if (kept === undefined || witnesses === undefined) return state?.fresh
  return isOlder(note, kept, witnesses) ? kept : undefined
}

/** A note that is replayed must not make what is known look older than it is. */
function isOlder(offered: string, known: string, witnesses: VerificationPolicy['witnesses'] | undefined): boolean {
  if (witnesses === undefined) return false
  const timeMs = (note: string) => noteFreshness(note, witnesses).time?.getTime() ?? 0
  return timeMs(offered) < timeMs(known)
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
