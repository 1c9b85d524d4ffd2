import type { Clock } from '@countersign/local/clock/clock.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import type { Transaction } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Logger } from '../telemetry/logger.ts'
import { outboxError } from './errors.ts'
import type { OutboxTables } from './migrations.ts'

/** Something that happened and that others have to act on. */
export interface OutboxEvent {
  /** Which handler gets it, for example `revocation.logged`. */
  readonly kind: string
  readonly payload: JsonValue
}

/** An event as its handler gets it. */
export interface Delivery {
  /** Rises with every event; the same for every delivery of one, so handlers can tell a repetition. */
  readonly id: number
  readonly payload: JsonValue
  /** 1 for the first delivery since the start of the process. */
  readonly attempt: number
  /** Aborts when the process is about to stop. */
  readonly signal: AbortSignal
}

/** Acts on one event. May see it again after a crash, so doing it twice must be as good as once. Throwing means: again later. */
export type OutboxHandler = (delivery: Delivery) => Promise<void>

/** How one kind of event is doing. */
export interface OutboxStatus {
  readonly kind: string
  /** Events not yet handled. */
  readonly waiting: number
  /** Of the first of them: failed deliveries since the start of the process. */
  readonly failures: number
  readonly lastError?: string
}

/** What an outbox needs. */
export interface OutboxOptions {
  /** Migrated with `outboxMigrations`. */
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
}

interface Queue {
  readonly handler: OutboxHandler
  failures: number
  lastError: string | undefined
  /** Ends the present wait for news. */
  wake: () => void
  news: boolean
}

const BATCH = 100
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 5 * 60_000

/**
 * Events that are written in the transaction that causes them and handled after it, at least once, crash or not.
 * Events of one kind are handled one by one, in order of `id`; one that fails is tried again after 0.5 s, 1 s, 2 s and so on
 * up to 5 min, and holds back its own kind only.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #queues = new Map<string, Queue>()
  #stopping: AbortController | undefined
  #loops: Promise<void>[] = []

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Names the one handler of a kind. Before `start`. Throws `outbox.misused` for a second one. */
  on(kind: string, handler: OutboxHandler): void {
    if (this.#queues.has(kind) || this.#stopping)
      throw outboxError('outbox.misused', `second or late handler of ${kind}`)
    this.#queues.set(kind, { handler, failures: 0, lastError: undefined, wake: () => {}, news: false })
  }

  /** Writes an event as part of the caller's transaction: it exists exactly if that commits. */
  async emit<T>(trx: Transaction<T>, event: OutboxEvent): Promise<void> {
    const row = { kind: event.kind, payload: JSON.stringify(event.payload) }
    await (trx as unknown as Transaction<OutboxTables>).insertInto('outbox').values(row).execute()
    const queue = this.#queues.get(event.kind)
    // Not awaited: the transaction cannot wait for its own commit.
    if (queue !== undefined) void this.#options.database.settled().then(() => announce(queue))
  }

  /** Starts to deliver: first what an earlier process left, then what is emitted. */
  start(): void {
    if (this.#stopping) throw outboxError('outbox.misused', 'the outbox is started twice')
    const stopping = new AbortController()
    this.#stopping = stopping
    this.#loops = [...this.#queues].map(([kind, queue]) => this.#deliverAll(kind, queue, stopping.signal))
  }

  /** Delivers no more and waits for the handlers that run. */
  async stop(): Promise<void> {
    this.#stopping?.abort()
    for (const queue of this.#queues.values()) announce(queue)
    await Promise.all(this.#loops)
  }

  /** How each kind is doing, also kinds that nobody handles any more, ordered by kind. */
  async status(): Promise<OutboxStatus[]> {
    const reading = this.#options.database.tables<OutboxTables>()
    const rows = await reading
      .selectFrom('outbox')
      .select(['kind', (select) => select.fn.countAll<number>().as('waiting')])
      .groupBy('kind')
      .execute()
    const waiting = new Map(rows.map((row) => [row.kind, row.waiting]))
    const kinds = [...new Set([...waiting.keys(), ...this.#queues.keys()])].sort()
    return kinds.map((kind) => {
      const { failures = 0, lastError } = this.#queues.get(kind) ?? {}
      return { kind, waiting: waiting.get(kind) ?? 0, failures, ...(lastError !== undefined && { lastError }) }
    })
  }

  async #deliverAll(kind: string, queue: Queue, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      queue.news = false
      try {
        if (!(await this.#deliverWaiting(kind, queue, signal))) await newsOf(queue)
      } catch (error) {
        await this.#waitAfter(error, kind, queue, signal)
      }
    }
  }

  /** False when nothing waits. Throws what the handler or the database throws, with everything before it done. */
  async #deliverWaiting(kind: string, queue: Queue, signal: AbortSignal): Promise<boolean> {
    const { database } = this.#options
    const reading = database
      .tables<OutboxTables>()
      .selectFrom('outbox')
      .select(['id', 'payload'])
      .where('kind', '=', kind)
    const rows = await reading.orderBy('id').limit(BATCH).execute()
    for (const { id, payload } of rows) {
      if (signal.aborted) return true
      await queue.handler({ id, payload: JSON.parse(payload), attempt: queue.failures + 1, signal })
      // A crash right here delivers the event once more after the restart.
      await database.commitTogether<OutboxTables, void>('outbox.done', async (trx) => {
        await trx.deleteFrom('outbox').where('id', '=', id).execute()
      })
      queue.failures = 0
      queue.lastError = undefined
    }
    return rows.length > 0
  }

  async #waitAfter(error: unknown, kind: string, queue: Queue, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    queue.lastError = error instanceof Error ? error.message : String(error)
    const retryMs = Math.min(FIRST_RETRY_MS * 2 ** queue.failures, LONGEST_RETRY_MS)
    queue.failures++
    this.#options.logger.warn({ err: error, kind, failures: queue.failures, retryMs }, 'an event is tried again later')
    await this.#options.clock.sleep(retryMs, signal).catch(() => {})
  }
}

function announce(queue: Queue): void {
  queue.news = true
  queue.wake()
}

function newsOf(queue: Queue): Promise<void> {
  // An event that came between the last look and this line has set the flag.
  if (queue.news) return Promise.resolve()
  return new Promise((resolve) => {
    queue.wake = resolve
  })
}
