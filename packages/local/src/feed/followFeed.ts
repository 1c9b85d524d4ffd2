import type { Knowledge } from '@countersign/protocol/decide/facts.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import type { Anchors } from '../anchors/openAnchors.ts'
import { tlsTrust } from '../anchors/trustedRequest.ts'
import type { Clock } from '../clock/clock.ts'
import { followLog } from './followLog.ts'
import { type FeedKnowledge, policyLogs, readKnowledge } from './knowledge.ts'

/** How the feed is followed. */
export interface FollowDeps {
  readonly clock: Clock
  /** For every single resource; 5 seconds where not given. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** What is known after following, and what went wrong on the way. */
export interface FollowedFeed extends FeedKnowledge {
  /** This clock minus the server's, in milliseconds; unauthenticated. */
  readonly clockOffsetMs?: number
  /** One for each log that could not be followed; what was stored of it still counts. */
  readonly failures: readonly { readonly origin: string; readonly code: string; readonly message: string }[]
}

/**
 * Follows every log that the policy names, all at once, and returns what is known afterwards. A log that cannot be reached
 * is a failure in the answer; one that rolled back or forked is also the knowledge's problem. Throws only what
 * `readKnowledge` throws, and the signal's reason.
 */
export async function followFeed(anchors: Anchors, deps: FollowDeps): Promise<FollowedFeed> {
  const { clock, timeoutMs = 5_000, signal } = deps
  const { witnesses } = anchors.policy
  const read = { clock, timeoutMs, trust: tlsTrust(anchors), witnesses, ...(signal && { signal }) }
  const logs = policyLogs(anchors.policy)
  const results = await Promise.allSettled(logs.map(({ kind, log }) => followLog(log, kind, anchors.folder, read)))
  signal?.throwIfAborted()
  const failures = results.flatMap((result, index) => {
    if (result.status === 'fulfilled') return []
    const { reason } = result
    if (!(reason instanceof CodedError)) throw reason
    return [{ origin: logs[index]?.log.origin ?? '', code: reason.code, message: reason.message }]
  })
  const offsets = results.flatMap((one) => (one.status === 'fulfilled' ? (one.value.clockOffsetMs ?? []) : []))
  const { knowledge, ...stored } = await readKnowledge(anchors)
  const isFetched = logs.every(({ kind }, index) => kind !== 'revocations' || results[index]?.status === 'fulfilled')
  return {
    ...stored,
    knowledge: withFailure(
      isFetched && knowledge.freshness ? { ...knowledge, source: 'fetched' } : knowledge,
      failures,
    ),
    ...(offsets[0] !== undefined && { clockOffsetMs: offsets[0] }),
    failures,
  }
}

/** Everything but a log that just does not answer is a problem of its own: it answered, and wrongly. */
function withFailure(knowledge: Knowledge, failures: FollowedFeed['failures']): Knowledge {
  const wrong = failures.find(({ code }) => code !== 'feed.unreachable')
  if (knowledge.problem?.broken || wrong === undefined) return knowledge
  const isBroken = wrong.code !== 'feed.tiles-wrong'
  return { ...knowledge, problem: { code: wrong.code, detail: `${wrong.origin}: ${wrong.message}`, broken: isBroken } }
}
