import { AsyncLocalStorage } from 'node:async_hooks'
import { chmodSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { crashPoint } from '@countersign/local/files/crashPoint.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { Kysely, type Transaction } from 'kysely'
import { databaseError } from './errors.ts'
import { sqliteDialect } from './sqliteDialect.ts'
import { sqliteFailure } from './sqliteFailure.ts'

/** Callers that share one transaction at most; what is over waits for the next one. */
const MAX_MEMBERS = 1000

const WRITER_SETTINGS = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA fullfsync = ON;
  PRAGMA checkpoint_fullfsync = ON;
  PRAGMA foreign_keys = ON;
  PRAGMA trusted_schema = OFF;
  PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -65536;
`

const READER_SETTINGS = `
  PRAGMA query_only = ON;
  PRAGMA trusted_schema = OFF;
  PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -65536;
`

/** One caller's work, waiting for its transaction. Its own outcome is settled by `settle` once everything is committed. */
interface Member {
  /** Undefined for who only waits and writes nothing. */
  readonly point: string | undefined
  readonly alone: boolean
  /** Runs the work in a savepoint; never rejects. */
  run(): Promise<Outcome>
  /** Tells the caller that the work is durable. */
  resolve(value: unknown): void
  /** Tells the caller that nothing of the work stays. */
  reject(error: unknown): void
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown }

/**
 * The embedded database: one SQLite file, one writing connection, one reading connection.
 * Every write goes through a transaction that names its crash point; transactions run one after the other, in order of arrival.
 * Reads see what is committed, never a transaction under way, and wait for nobody.
 */
export class Database {
  readonly #writer: DatabaseSync
  readonly #reader: DatabaseSync
  readonly #writing: Kysely<unknown>
  readonly #reading: Kysely<unknown>
  readonly #waiting: Member[] = []
  readonly #insideWork = new AsyncLocalStorage<{ running: boolean }>()
  #running: Promise<void> | undefined
  #closed = false
  #failure: unknown

  private constructor(path: string) {
    this.#writer = openWriter(path)
    this.#reader = new DatabaseSync(path, { readOnly: true, timeout: 1000 })
    this.#reader.exec(READER_SETTINGS)
    this.#writing = new Kysely({ dialect: sqliteDialect(this.#writer) })
    this.#reading = new Kysely({ dialect: sqliteDialect(this.#reader) })
  }

  /**
   * Opens the database file `path` (mode 0600), or makes an empty one; the folder must exist.
   * Throws `database.broken` where the file is not a database, `database.busy` where another process holds it.
   */
  static openFile(path: string): Database {
    try {
      return new Database(path)
    } catch (error) {
      throw sqliteFailure(error)
    }
  }

  /**
   * Typed reads. Each statement sees everything committed before it started. A statement that writes is refused
   * (`database.misused`): writes take `transaction` or `commitTogether`.
   */
  tables<T>(): Kysely<T> {
    return this.#reading as unknown as Kysely<T>
  }

  /**
   * Runs `work` in a transaction of its own. When this resolves, its changes survive power loss; when it rejects, none of them stay.
   * `point` names the crash points `${point}:before` and `${point}:after` around the commit, a literal at the call site.
   * Nobody else writes meanwhile, so `work` waits for nothing but this database.
   * Throws what `work` throws; `database.no-space`, `database.busy`, `database.closed`; `database.broken` where the disk did not
   * confirm, after which every write is refused until a restart; `database.misused` inside another transaction.
   */
  transaction<T, R>(point: string, work: (trx: Transaction<T>) => Promise<R>): Promise<R> {
    return this.#enqueue(point, true, work)
  }

  /**
   * As `transaction`, but all callers that wait at the same time share one commit and one fsync, so thousands a second fit.
   * Works run one after the other and see each other's changes. One that throws is undone alone; when the commit fails, all fail.
   */
  commitTogether<T, R>(point: string, work: (trx: Transaction<T>) => Promise<R>): Promise<R> {
    return this.#enqueue(point, false, work)
  }

  /**
   * Resolves when every transaction that is under way or waiting now has ended, well or not. May be called inside one,
   * whose work then must not wait for it: that is how to hear of one's own commit.
   */
  settled(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => resolve()
      const run = async (): Promise<Outcome> => ({ ok: true, value: undefined })
      this.#wait({ point: undefined, alone: false, run, resolve: done, reject: done })
    })
  }

  /** Lets the waiting transactions finish, refuses new ones, and closes the file. Calling it again does nothing. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#running !== undefined) await this.#running
    if (this.#reader.isOpen) this.#reader.close()
    if (this.#writer.isOpen) this.#writer.close()
  }

  #enqueue<T, R>(point: string, alone: boolean, work: (trx: Transaction<T>) => Promise<R>): Promise<R> {
    if (this.#insideWork.getStore()?.running) {
      // It would wait for the transaction that waits for it.
      return Promise.reject(databaseError('database.misused', `transaction ${point} inside another transaction`))
    }
    if (this.#closed) return Promise.reject(databaseError('database.closed', 'the database is closing'))
    return new Promise<R>((resolve, reject) => {
      this.#wait({
        point,
        alone,
        run: () => this.#runMember(work as (trx: Transaction<unknown>) => Promise<unknown>),
        resolve: resolve as (value: unknown) => void,
        reject,
      })
    })
  }

  #wait(member: Member): void {
    this.#waiting.push(member)
    this.#running ??= this.#runWaiting()
  }

  async #runMember(work: (trx: Transaction<unknown>) => Promise<unknown>): Promise<Outcome> {
    const inside = { running: true }
    try {
      const value = await this.#insideWork.run(inside, () => this.#writing.transaction().execute(work))
      return { ok: true, value }
    } catch (error) {
      return { ok: false, error }
    } finally {
      // Timers that the work started inherit this; they may write once it is over.
      inside.running = false
    }
  }

  async #runWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Everything that arrived in this turn of the event loop shares the commit.
      await nextTurn()
      await this.#runBatch(takeBatch(this.#waiting))
    }
    this.#running = undefined
  }

  async #runBatch(members: readonly Member[]): Promise<void> {
    try {
      if (this.#failure !== undefined) throw this.#failure
      this.#writer.exec('BEGIN IMMEDIATE')
      const outcomes = await this.#runMembers(members)
      this.#commit(members.filter((_, index) => outcomes[index]?.ok))
      members.forEach((member, index) => {
        settle(member, outcomes[index])
      })
    } catch (error) {
      const failure = this.#undo(error)
      for (const member of members) member.reject(failure)
    }
  }

  async #runMembers(members: readonly Member[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = []
    for (const member of members) {
      const outcome = await member.run()
      // SQLite gave up the whole transaction (a full disk, a failing one), and with it the members before this one.
      if (!outcome.ok && !this.#writer.isTransaction) throw outcome.error
      outcomes.push(outcome)
    }
    return outcomes
  }

  #commit(members: readonly Member[]): void {
    const points = new Set(members.flatMap((member) => member.point ?? []))
    for (const point of points) crashPoint(`${point}:before`)
    this.#writer.exec('COMMIT')
    for (const point of points) crashPoint(`${point}:after`)
  }

  #undo(error: unknown): unknown {
    const failure = sqliteFailure(error)
    // After an unconfirmed write nothing that this process reads can be believed to be on disk; only a restart can tell.
    if (hasCode(failure, 'database.broken')) this.#failure = failure
    try {
      if (this.#writer.isTransaction) this.#writer.exec('ROLLBACK')
    } catch (rollbackError) {
      this.#failure = databaseError('database.broken', 'a transaction could not be undone', { cause: rollbackError })
    }
    return failure
  }
}

function openWriter(path: string): DatabaseSync {
  const writer = new DatabaseSync(path, { timeout: 1000 })
  // Before the first page is written; the write-ahead log takes its mode from this file.
  if (process.platform !== 'win32') chmodSync(path, 0o600)
  writer.exec(WRITER_SETTINGS)
  return writer
}

function takeBatch(waiting: Member[]): Member[] {
  if (waiting[0]?.alone) return waiting.splice(0, 1)
  const firstAlone = waiting.slice(0, MAX_MEMBERS).findIndex((member) => member.alone)
  return waiting.splice(0, firstAlone < 0 ? MAX_MEMBERS : firstAlone)
}

function settle(member: Member, outcome: Outcome | undefined): void {
  if (outcome?.ok) member.resolve(outcome.value)
  else member.reject(outcome?.error)
}
