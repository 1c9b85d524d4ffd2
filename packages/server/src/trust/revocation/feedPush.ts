import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '@countersign/local/clock/clock.ts'
import type { NewsLine, NewsStream } from '@countersign/platform/http/reply.ts'
import { encodeBase64 } from '@countersign/protocol/json/base64.ts'
import type { Publication, TransparencyLog } from '../../log/transparencyLog.ts'
import { trustError } from '../errors.ts'

/** Limits of the push; a follower beyond them loses nothing but time, because polling tells everything. */
export interface PushLimits {
  /** Of all entries of one event together, before base64. */
  readonly maxEntryBytes: number
  /** Events that wait for one follower; above it the follower is dropped. */
  readonly maxWaiting: number
  /** The same where its connection holds them. */
  readonly maxWaitingBytes: number
  readonly maxFollowers: number
  /** Silence after which a comment is sent, so that both ends notice a dead connection. */
  readonly commentMs: number
}

const LIMITS: PushLimits = {
  maxEntryBytes: 4096,
  maxWaiting: 64,
  maxWaitingBytes: 256 * 1024,
  maxFollowers: 50_000,
  commentMs: 15_000,
}
/** Hints that are sent between two looks at what else there is to do: a recall waits no longer than that. */
const HINTS_AT_ONCE = 256
/** Devices that were told to check in come over this long, each. */
const CHECK_IN_MS_PER_FOLLOWER = 10
const MIN_CHECK_IN_MS = 500
const COMMENT = new TextEncoder().encode(': still here\n\n')

/** What the push stands on. */
export interface FeedPushDeps {
  /** The revocation log. */
  readonly log: Pick<TransparencyLog, 'head' | 'onPublished'>
  readonly clock: Pick<Clock, 'sleep'>
  readonly limits?: Partial<PushLimits>
}

/**
 * Tells every follower at once what the revocation log has published, as server-sent events. Each event is encoded once for
 * all of them. It has no authority: followers verify what it says like what they fetch, and a lost event costs one poll.
 */
export class FeedPush {
  readonly #log: FeedPushDeps['log']
  readonly #limits: PushLimits
  readonly #followers = new Set<Follower>()
  readonly #stopHearing: () => void
  readonly #closing = new AbortController()
  /** Entries that were published last, ending at the head: for who comes back with `Last-Event-ID`. */
  #recent: readonly Uint8Array[] = []

  constructor({ log, clock, limits }: FeedPushDeps) {
    this.#log = log
    this.#limits = { ...LIMITS, ...limits }
    this.#stopHearing = log.onPublished((publication) => this.#publish(publication))
    void this.#comment(clock)
  }

  /** How many listen at this moment. */
  get followers(): number {
    return this.#followers.size
  }

  /**
   * Events from now on, the present checkpoint first, with the entries after `lastSize` where they are few and recent. Ends
   * when `signal` aborts, at `close`, and for a follower who does not read. Throws `trust.too-many-followers`.
   */
  follow(signal: AbortSignal, lastSize?: bigint): NewsStream {
    if (this.#followers.size >= this.#limits.maxFollowers) {
      throw trustError('trust.too-many-followers', `${this.#followers.size} follow already`)
    }
    const follower = new Follower(this.#limits, () => this.#followers.delete(follower))
    if (this.#closing.signal.aborted) follower.end()
    else this.#followers.add(follower)
    signal.addEventListener('abort', () => follower.end(), { once: true })
    if (signal.aborted) follower.end()
    follower.push(this.#present(lastSize))
    return follower
  }

  /**
   * Tells every follower that a check-in is worth its while, and within which time to come at random. Without authority, and
   * nothing depends on it: who misses it checks in as usual. Sent a few at a time, so that news never waits for it.
   */
  async hintCheckIn(): Promise<void> {
    const withinMs = Math.max(MIN_CHECK_IN_MS, this.#followers.size * CHECK_IN_MS_PER_FOLLOWER)
    const event = new TextEncoder().encode(`event: check-in\ndata: ${JSON.stringify({ withinMs })}\n\n`)
    let sent = 0
    for (const follower of [...this.#followers]) {
      follower.push(event)
      if (++sent % HINTS_AT_ONCE === 0) await nextTurn()
    }
  }

  /** Ends every stream. Calling it again does nothing. */
  close(): void {
    this.#stopHearing()
    this.#closing.abort()
    for (const follower of this.#followers) follower.end()
  }

  #publish({ checkpoint: { note, size }, previousSize, partialBundle }: Publication): void {
    const grown = Number(size - previousSize)
    const entries = grown > partialBundle.length ? [] : partialBundle.slice(partialBundle.length - grown)
    this.#recent = lastFitting(partialBundle, this.#limits.maxEntryBytes)
    const small = grown === lastFitting(entries, this.#limits.maxEntryBytes).length
    this.#send(encodeEvent({ note, size, from: previousSize, entries: small ? entries : [] }))
  }

  #present(lastSize: bigint | undefined): Uint8Array {
    const { note, size } = this.#log.head()
    const missed = lastSize === undefined || lastSize > size ? 0 : Number(size - lastSize)
    const entries = missed === 0 || missed > this.#recent.length ? [] : this.#recent.slice(-missed)
    return encodeEvent({ note, size, from: size - BigInt(entries.length), entries })
  }

  #send(event: Uint8Array): void {
    for (const follower of this.#followers) follower.push(event)
  }

  async #comment(clock: Pick<Clock, 'sleep'>): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      // Rejects only because the push closes.
      await clock.sleep(this.#limits.commentMs, signal).catch(() => {})
      if (!signal.aborted) this.#send(COMMENT)
    }
  }
}

/** The events that one connection has not taken yet. They are shared: only the list is its own, and a line needs none. */
class Follower implements NewsStream, AsyncIterator<Uint8Array> {
  readonly #limits: PushLimits
  readonly #left: () => void
  #line: NewsLine | undefined
  #waiting: Uint8Array[] = []
  #reader: ((result: IteratorResult<Uint8Array>) => void) | undefined
  #ended = false

  constructor(limits: PushLimits, left: () => void) {
    this.#limits = limits
    this.#left = left
  }

  push(event: Uint8Array): void {
    if (this.#ended) return
    const line = this.#line
    if (line !== undefined) {
      if (line.waitingBytes > this.#limits.maxWaitingBytes) this.end()
      else line.send(event)
      return
    }
    const reader = this.#reader
    this.#reader = undefined
    if (reader !== undefined) reader({ value: event, done: false })
    else if (this.#waiting.length >= this.#limits.maxWaiting) this.end()
    else this.#waiting.push(event)
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#waiting = []
    this.#reader?.({ value: undefined, done: true })
    this.#line?.end()
    this.#left()
  }

  attach(line: NewsLine): void {
    this.#line = line
    for (const event of this.#waiting.splice(0)) line.send(event)
    if (this.#ended) line.end()
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const event = this.#waiting.shift()
    if (event !== undefined) return Promise.resolve({ value: event, done: false })
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => {
      this.#reader = resolve
    })
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this
  }
}

/** The longest end of `entries` that holds at most `maxBytes`. */
function lastFitting(entries: readonly Uint8Array[], maxBytes: number): readonly Uint8Array[] {
  let first = entries.length
  for (let left = maxBytes; first > 0; first--) {
    left -= entries[first - 1]?.length ?? 0
    if (left < 0) break
  }
  return entries.slice(first)
}

interface FeedEvent {
  readonly note: string
  readonly size: bigint
  /** Index of the first entry. */
  readonly from: bigint
  readonly entries: readonly Uint8Array[]
}

function encodeEvent({ note, size, from, entries }: FeedEvent): Uint8Array {
  const data = JSON.stringify({ checkpoint: note, from: from.toString(), entries: entries.map(encodeBase64) })
  return new TextEncoder().encode(`id: ${size}\nevent: checkpoint\ndata: ${data}\n\n`)
}
