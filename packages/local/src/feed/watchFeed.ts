import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { countShape, objectShape } from '@countersign/protocol/policy/shape.ts'
import type { PolicyLog } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { Anchors } from '../anchors/openAnchors.ts'
import { tlsTrust } from '../anchors/trustedRequest.ts'
import type { Clock } from '../clock/clock.ts'
import { acceptPush } from './acceptPush.ts'
import { feedError } from './errors.ts'
import { eventStream, type PushedEvent } from './eventStream.ts'
import { loadFeedState } from './feedStore.ts'
import { followFeed } from './followFeed.ts'
import { type FeedKnowledge, readKnowledge } from './knowledge.ts'

/** Who is told what the feed brings. */
export interface FeedListener {
  /**
   * After every poll, and after every push that brought something. One call at a time; a rejection ends the watch. Of a
   * push `receivedAtMs` says when its first byte came, by the monotonic clock.
   */
  onKnowledge(knowledge: FeedKnowledge, cause: 'push' | 'poll', receivedAtMs?: number): Promise<void>
  /**
   * The instance says that a check-in is worth the caller's while, at random within `withinMs`. Anybody on the way can say
   * so: it may make a device ask, and nothing else.
   */
  onCheckInHint?(withinMs: number): void
  /** A log that could not be followed, or a push that was ignored; watching goes on. */
  onTrouble?(trouble: CodedError): void
}

/** How the feed is watched. */
export interface WatchOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Between two polls. A push that was lost costs at most this long. */
  readonly pollMs: number
  /** For every single resource. */
  readonly timeoutMs: number
  /** From 0 up to 1, for the spread of polls and reconnections; a simulation passes its own. */
  readonly random?: () => number
}

const CHECK_IN_HINT = 'check-in'
const MAX_HINT_BYTES = 256
const hintShape = objectShape({ withinMs: countShape(0, 3_600_000) })
/** The server sends a comment every 15 seconds; three missing ones are a dead connection. */
const IDLE_MS = 50_000
/** Devices that lose their server together must not come back together: 10,000 of them spread over these seconds. */
const RECONNECT_MS = 5_000
const MAX_RECONNECT_MS = 60_000
/** A channel that keeps sending what does not verify is closed, and tried again later. */
const MAX_IGNORED_PUSHES = 16

/**
 * Follows the revocation feed until `signal` aborts, then resolves: polls every log, and listens at `<log.url>/events` of
 * each open revocation log for news between polls. What is pushed has no authority (design, decision 6): it is verified
 * like what is polled, ignored where it does not verify, and harmless where it is lost, repeated or out of order.
 * Throws what `onKnowledge` throws, and `files.*` where the machine cannot keep what it learns.
 */
export async function watchFeed(anchors: Anchors, listener: FeedListener, options: WatchOptions): Promise<void> {
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const watch = { anchors, listener, ...options, signal, exclusively: oneAtATime() }
  const logs = anchors.policy.logs.revocations.filter((log) => log.closed === undefined)
  try {
    await Promise.all([pollAgainAndAgain(watch), ...logs.map((log) => listenAgainAndAgain(log, watch))])
  } catch (error) {
    if (!options.signal.aborted) throw error
  } finally {
    stop.abort()
  }
}

interface Watch extends WatchOptions {
  readonly anchors: Anchors
  readonly listener: FeedListener
  /** Runs work alone: polls and pushes change the same files, and the listener is called one at a time. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>
}

async function pollAgainAndAgain(watch: Watch): Promise<void> {
  const { clock, signal, pollMs, random = Math.random } = watch
  while (!signal.aborted) {
    await watch.exclusively(() => poll(watch))
    await clock.sleep(pollMs * (0.9 + 0.2 * random()), signal)
  }
}

async function poll({ anchors, listener, clock, timeoutMs, signal }: Watch): Promise<void> {
  try {
    const { failures, ...followed } = await followFeed(anchors, { clock, timeoutMs, signal })
    for (const { code, message, origin } of failures) {
      listener.onTrouble?.(new CodedError(code, `${origin}: ${message}`))
    }
    await listener.onKnowledge(followed, 'poll')
  } catch (error) {
    if (!isTrouble(error)) throw error
    listener.onTrouble?.(error)
  }
}

async function listenAgainAndAgain(log: PolicyLog, watch: Watch): Promise<void> {
  const { clock, signal, listener, random = Math.random } = watch
  let attempt = 0
  const onNews = () => {
    attempt = 0
  }
  while (!signal.aborted) {
    try {
      await listen(log, watch, onNews)
    } catch (error) {
      if (!isTrouble(error)) throw error
      listener.onTrouble?.(error)
    }
    await clock.sleep(random() * Math.min(MAX_RECONNECT_MS, RECONNECT_MS * 2 ** attempt), signal)
    attempt++
  }
}

/** Listens until the stream ends, or has sent too much that does not verify. */
async function listen(log: PolicyLog, watch: Watch, onNews: () => void): Promise<void> {
  const { anchors, clock, signal, timeoutMs, listener } = watch
  const state = await loadFeedState(anchors.folder, log.origin)
  const deps = { trust: tlsTrust(anchors), clock, timeoutMs, idleMs: IDLE_MS, signal }
  const events = eventStream(`${log.url.replace(/\/$/, '')}/events`, { ...deps, lastEventId: state?.read ?? '0' })
  let ignored = 0
  for await (const event of events) {
    try {
      if (event.event === CHECK_IN_HINT) listener.onCheckInHint?.(parseHint(event))
      else if (await watch.exclusively(() => takePush(log, event, watch))) onNews()
    } catch (cause) {
      if (!isTrouble(cause)) throw cause
      ignored++
      const detail = { ignored, code: cause.code }
      listener.onTrouble?.(feedError('feed.push-wrong', `push ignored: ${cause.message}`, { cause, detail }))
      if (ignored === MAX_IGNORED_PUSHES) return
    }
  }
}

async function takePush(log: PolicyLog, event: PushedEvent, watch: Watch): Promise<boolean> {
  const { anchors, clock, timeoutMs, signal, listener } = watch
  const { witnesses } = anchors.policy
  const isNew = await acceptPush(log, anchors.folder, event, {
    clock,
    timeoutMs,
    signal,
    trust: tlsTrust(anchors),
    witnesses,
  })
  if (!isNew) return false
  const { knowledge, ...more } = await readKnowledge(anchors)
  await listener.onKnowledge({ ...more, knowledge: { ...knowledge, source: 'fetched' } }, 'push', event.receivedAtMs)
  return true
}

/** Throws `feed.push-wrong`. */
function parseHint({ data }: PushedEvent): number {
  try {
    return hintShape(parseJson(data, { maxBytes: MAX_HINT_BYTES, maxDepth: 2 }), '').withinMs
  } catch (cause) {
    throw feedError('feed.push-wrong', 'a hint to check in does not say within which time', { cause })
  }
}

/** What a network or a hostile server can cause. A disk that does not keep what is learnt is no such thing. */
export function isTrouble(error: unknown): error is CodedError {
  return error instanceof CodedError && !error.code.startsWith('files.')
}

function oneAtATime(): Watch['exclusively'] {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work, work)
    last = next.catch(() => undefined)
    return next
  }
}
