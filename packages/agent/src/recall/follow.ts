import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { loadFeedState } from '@countersign/local/feed/feedStore.ts'
import type { FeedKnowledge } from '@countersign/local/feed/knowledge.ts'
import { watchFeed } from '@countersign/local/feed/watchFeed.ts'
import type { CodedError } from '@countersign/protocol/errors/codedError.ts'

/** News of the revocation logs, verified and durable. */
export interface News extends FeedKnowledge {
  readonly cause: 'push' | 'poll'
  /** Size of the revocation logs up to which this is everything, decimal; added up where there are several. */
  readonly size: string
}

/** Who acts on news. */
export interface NewsListener {
  /**
   * Called at once, before anything is read from disk; what has to stop is gone when this resolves. Of a push
   * `receivedAtMs` says when its first byte came, by the monotonic clock.
   */
  act(knowledge: FeedKnowledge, cause: News['cause'], receivedAtMs?: number): Promise<void>
  /** Afterwards: everything up to `size` has been acted on. */
  acknowledge(news: News): Promise<void>
  /** The instance hints, without authority, that a check-in at random within `withinMs` is worth the while. */
  checkInHint?(withinMs: number): void
  /** A log that could not be followed; following goes on. */
  trouble(error: CodedError): void
}

/** How the feed is followed. */
export interface FollowOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly pollMs: number
  /** See `WatchOptions.random`. */
  readonly random?: () => number
}

const TIMEOUT_MS = 10_000

/**
 * Follows the feed of `anchors` until `signal` aborts: push makes it fast, polling makes it sure. Every piece of news is
 * verified and durable before it is acted on, and acknowledged only after. Throws `files.*` where the disk does not keep it.
 */
export async function follow(anchors: Anchors, listener: NewsListener, options: FollowOptions): Promise<void> {
  await watchFeed(
    anchors,
    {
      async onKnowledge(knowledge, cause, receivedAtMs) {
        await listener.act(knowledge, cause, receivedAtMs)
        await listener.acknowledge({ ...knowledge, cause, size: await readSize(anchors) })
      },
      onCheckInHint: (withinMs) => listener.checkInHint?.(withinMs),
      onTrouble: (error) => listener.trouble(error),
    },
    { ...options, timeoutMs: TIMEOUT_MS },
  )
}

/** How far the revocation logs were read, all together. */
export async function readSize({ policy, folder }: Pick<Anchors, 'policy' | 'folder'>): Promise<string> {
  const states = await Promise.all(policy.logs.revocations.map(({ origin }) => loadFeedState(folder, origin)))
  return String(states.reduce((sum, state) => sum + BigInt(state?.read ?? '0'), 0n))
}
