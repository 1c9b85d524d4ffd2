import type { EndingsKnowledge } from '@countersign/protocol/decide/facts.ts'
import { openCheckpoint } from '@countersign/protocol/log/checkpoint.ts'
import { verifyCosignatures } from '@countersign/protocol/log/cosignature.ts'
import { parseVkey } from '@countersign/protocol/log/note.ts'
import type { PolicyLog, VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { Anchors } from '../anchors/openAnchors.ts'
import { evidenceAgainst, type FeedState, loadFeedState } from './feedStore.ts'
import { type LogKind, logKey } from './logKey.ts'

/** What this machine knows of the logs of an instance, without network. */
export interface FeedKnowledge {
  readonly endings: EndingsKnowledge
  /** The newest time that a quorum of witnesses signed in any log: this clock cannot be before it. */
  readonly timeFloor?: Date
}

/** Freshness of one note: the quorum-th newest cosignature time, and whether a witness of another operator is among them. */
export interface Freshness {
  readonly time?: Date
  readonly witnessed: boolean
}

/** The logs of a policy with the list each stands in. */
export function policyLogs({ logs }: VerificationPolicy): { kind: LogKind; log: PolicyLog }[] {
  const kinds = ['artifacts', 'certificates', 'revocations', 'audit'] as const
  return kinds.flatMap((kind) => logs[kind].map((log) => ({ kind, log })))
}

/**
 * Says how fresh `note` is by the witnesses that the policy names; the log's own signature is `openCheckpoint`'s business.
 * Throws `log.note-signature-wrong`, `log.note-malformed`.
 */
export function freshnessOf(note: string, { quorum, of }: VerificationPolicy['witnesses']): Freshness {
  const seen = verifyCosignatures(
    note,
    of.map((witness) => parseVkey(witness.vkey)),
  ).sort((a, b) => b.time.getTime() - a.time.getTime())
  const time = seen[quorum - 1]?.time
  const outside = new Set(of.filter((witness) => witness.outside).map((witness) => witness.vkey.split('+')[0]))
  return { ...(time && { time }), witnessed: time !== undefined && seen.some(({ name }) => outside.has(name)) }
}

/** Reads what is stored about every log that the policy names. Throws `feed.damaged`, `log.*` for altered files. */
export async function readKnowledge(anchors: Anchors): Promise<FeedKnowledge> {
  const { policy, folder } = anchors
  const logs = await Promise.all(
    policyLogs(policy).map(async ({ kind, log }) => ({ kind, log, state: await loadFeedState(folder, log.origin) })),
  )
  const known = logs.map(({ kind, log, state }) => ({
    kind,
    log,
    state,
    freshness: storedFreshness(kind, log, state, policy),
  }))
  // Endings are the union over all revocation logs, so the open one that was heard of longest ago decides.
  const open = known.filter(({ kind, log }) => kind === 'revocations' && log.closed === undefined)
  const freshness = earliest(open.map((one) => one.freshness?.time))
  const timeFloor = latest(known.map((one) => one.freshness?.time))
  const problem = findProblem(anchors, known)
  return {
    endings: {
      ...(freshness && { freshness }),
      source: freshness ? 'stored' : 'none',
      witnessed: open.every((one) => one.freshness?.witnessed === true),
      endings: [],
      ...(problem && { problem }),
    },
    ...(timeFloor && { timeFloor }),
  }
}

function storedFreshness(
  kind: LogKind,
  log: PolicyLog,
  state: FeedState | undefined,
  { witnesses }: VerificationPolicy,
): Freshness | undefined {
  if (state === undefined) return undefined
  openCheckpoint(state.note, logKey(log, kind))
  return freshnessOf(state.note, witnesses)
}

function findProblem(
  { folder }: Anchors,
  logs: readonly { log: PolicyLog; state: FeedState | undefined }[],
): EndingsKnowledge['problem'] {
  for (const { log, state } of logs) {
    const path = evidenceAgainst(folder, log.origin)
    if (path)
      return { code: 'feed.forked', detail: `${log.origin} signed two histories; evidence in ${path}`, broken: true }
    if (state?.unknown) return { code: 'feed.record-unknown', detail: `${log.origin}, ${state.unknown}`, broken: false }
  }
  return undefined
}

/** Undefined if any is unknown: what is not known at all is older than everything. */
function earliest(times: readonly (Date | undefined)[]): Date | undefined {
  if (times.length === 0 || times.includes(undefined)) return undefined
  return new Date(Math.min(...times.map((time) => (time as Date).getTime())))
}

function latest(times: readonly (Date | undefined)[]): Date | undefined {
  const given = times.filter((time) => time !== undefined).map((time) => time.getTime())
  return given.length === 0 ? undefined : new Date(Math.max(...given))
}
