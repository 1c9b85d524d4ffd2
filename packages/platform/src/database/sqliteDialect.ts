import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { databaseError } from './errors.ts'
import { sqliteFailure } from './sqliteFailure.ts'

/** Statements kept prepared; more distinct texts than this and the least used one is prepared again next time. */
const MAX_PREPARED = 512

/**
 * Kysely over one open `node:sqlite` connection. Every statement runs at once, on the calling thread, and stays prepared.
 * What Kysely takes for a transaction is a savepoint: `Database` opens and commits the real one around many of them.
 * The connection belongs to the caller, who closes it.
 */
export function sqliteDialect(connection: DatabaseSync): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new SavepointDriver(connection),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}

class SavepointDriver implements Driver {
  readonly #connection: StatementConnection

  constructor(connection: DatabaseSync) {
    this.#connection = new StatementConnection(connection)
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection
  }

  async beginTransaction(): Promise<void> {
    this.#connection.run('SAVEPOINT member', [])
  }

  async commitTransaction(): Promise<void> {
    this.#connection.run('RELEASE member', [])
  }

  async rollbackTransaction(): Promise<void> {
    // Some failures (a full disk) make SQLite roll everything back by itself; then there is no savepoint to go back to.
    if (!this.#connection.inTransaction) return
    this.#connection.run('ROLLBACK TO member', [])
    this.#connection.run('RELEASE member', [])
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {}
}

interface Prepared {
  readonly statement: StatementSync
  readonly returnsRows: boolean
}

class StatementConnection implements DatabaseConnection {
  readonly #connection: DatabaseSync
  readonly #prepared = new Map<string, Prepared>()

  constructor(connection: DatabaseSync) {
    this.#connection = connection
  }

  get inTransaction(): boolean {
    return this.#connection.isTransaction
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.run<R>(query.sql, query.parameters)
  }

  run<R>(sql: string, parameters: readonly unknown[]): QueryResult<R> {
    if (!this.#connection.isOpen) throw databaseError('database.closed', 'the database is closed')
    try {
      const { statement, returnsRows } = this.#prepare(sql)
      const values = parameters.map(toSqlite)
      if (returnsRows) return { rows: statement.all(...values) as R[] }
      const { changes, lastInsertRowid } = statement.run(...values)
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
    } catch (error) {
      throw sqliteFailure(error)
    }
  }

  // biome-ignore lint/correctness/useYield: a half-read statement would hold old pages and keep the write-ahead log growing.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw databaseError('database.misused', 'statements are not streamed here: read in pages')
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql)
    if (known !== undefined) {
      // A Map keeps insertion order: taking it out and putting it back makes it the youngest.
      this.#prepared.delete(sql)
      this.#prepared.set(sql, known)
      return known
    }
    const statement = this.#connection.prepare(sql)
    const prepared = { statement, returnsRows: statement.columns().length > 0 }
    this.#prepared.set(sql, prepared)
    if (this.#prepared.size > MAX_PREPARED) {
      const oldest = this.#prepared.keys().next()
      if (!oldest.done) this.#prepared.delete(oldest.value)
    }
    return prepared
  }
}

function toSqlite(value: unknown): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0
  return value as SQLInputValue
}
