import type { Knowledge } from '@countersign/protocol/decide/facts.ts'
import type { PolicyLog, VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { Anchors } from '../anchors/openAnchors.ts'
import { evidenceAgainst, type FeedState, loadFeedState } from './feedStore.ts'
import type { Freshness } from './freshness.ts'
import type { LogKind } from './logKey.ts'
import { noteFreshness, openNote } from './openedNotes.ts'
import { storedRecords } from './storedRecords.ts'

/** What this machine knows of the logs of an instance, without network. */
export interface FeedKnowledge {
  readonly knowledge: Knowledge
  /** How many records in the revocation logs have no effect, because nobody with the right to it signed them. */
  readonly ignored: number
  /** The newest time that a quorum of witnesses signed in any log: this clock cannot be before it. */
  readonly timeFloor?: Date
}

/** The logs of a policy with the list each stands in. */
export function policyLogs({ logs }: VerificationPolicy): { kind: LogKind; log: PolicyLog }[] {
  const kinds = ['artifacts', 'certificates', 'revocations', 'audit'] as const
  return kinds.flatMap((kind) => logs[kind].map((log) => ({ kind, log })))
}

/**
 * Reads what is stored about every log that the policy names, and authorises the records of the revocation logs by that
 * policy. An authorised record counts however old or doubtful the rest is; a record that this program cannot read, a
 * missing one or an altered file is the knowledge's problem. Throws `feed.damaged`, `log.*` for an altered state.
 */
export async function readKnowledge({ policy, folder }: Pick<Anchors, 'policy' | 'folder'>): Promise<FeedKnowledge> {
  const known = await Promise.all(
    policyLogs(policy).map(async ({ kind, log }) => {
      const state = await loadFeedState(folder, log.origin)
      const checkpoint = state && openNote(state.note, log, kind)
      const freshness = state && storedFreshness(log, kind, state, policy)
      return { kind, log, state, checkpoint, freshness }
    }),
  )
  const revocations = await Promise.all(
    known.filter(({ kind }) => kind === 'revocations').map((one) => storedRecords(one, folder, policy)),
  )
  // Endings are the union over all revocation logs, so the open one that was heard of longest ago decides.
  const open = known.filter(({ kind, log }) => kind === 'revocations' && log.closed === undefined)
  const freshness = earliest(open.map((one) => one.freshness?.time))
  const timeFloor = latest(known.map((one) => one.freshness?.time))
  const problem = forkProblem(folder, known) ?? revocations.find((one) => one.problem !== undefined)?.problem
  return {
    knowledge: {
      ...(freshness && { freshness }),
      source: freshness ? 'stored' : 'none',
      witnessed: open.every((one) => one.freshness?.witnessed === true),
      records: revocations.flatMap((one) => one.records),
      ...(problem && { problem }),
    },
    ignored: revocations.reduce((sum, one) => sum + one.ignored, 0),
    ...(timeFloor && { timeFloor }),
  }
}

/** By the kept note, or by an older one that its witnesses saw later. */
function storedFreshness(
  log: PolicyLog,
  kind: LogKind,
  { note, fresh }: FeedState,
  { witnesses }: VerificationPolicy,
): Freshness {
  const newest = noteFreshness(note, witnesses)
  if (fresh === undefined) return newest
  openNote(fresh, log, kind)
  const older = noteFreshness(fresh, witnesses)
  return (older.time?.getTime() ?? 0) > (newest.time?.getTime() ?? 0) ? older : newest
}

function forkProblem(folder: string, logs: readonly { log: PolicyLog }[]): Knowledge['problem'] {
  for (const { log } of logs) {
    const path = evidenceAgainst(folder, log.origin)
    if (path)
      return { code: 'feed.forked', detail: `${log.origin} signed two histories; evidence in ${path}`, broken: true }
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
