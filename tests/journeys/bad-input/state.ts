import { hash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** A folder whose whole content is state. */
export interface Place {
  readonly name: string
  readonly folder: string
  /** Of an instance the database is read as rows. */
  readonly kind: 'instance' | 'client' | 'files'
}

/** A hash for every file and every table, by a name for people. */
export type State = ReadonlyMap<string, string>

type Row = Record<string, unknown>

/**
 * What is left out of an instance's files: the database, which is read as rows; the audit log; the lock with its journal and
 * the local socket, which are no content.
 */
const notFilesOfInstances = /^data\/(?:database\/|blobs\/logs\/audit\/|lock(?:-journal)?$|admin\.sock$)/

/** What is left out of a client's files: locks, and kept evidence of a fork, which is the record of that refusal. */
const notFilesOfClients = /(?:^|\/)(?:lock(?:-journal)?$|evidence\/)/

/** Reads everything that a refusal must leave as it was. */
export function readState(places: readonly Place[]): State {
  const state = new Map<string, string>()
  for (const { name, folder, kind } of places) {
    for (const file of filesBelow(folder)) {
      if (kind === 'instance' && notFilesOfInstances.test(file)) continue
      if (kind === 'client' && (notFilesOfClients.test(file) || isNewsOfAuditLog(folder, file))) continue
      const mode = (statSync(path.join(folder, file)).mode & 0o777).toString(8)
      state.set(`${name}/${file}`, hash('sha256', Buffer.concat([Buffer.from(mode), read(folder, file)])))
    }
    const database = databaseOf(folder)
    if (kind !== 'instance' || !existsSync(database)) continue
    for (const [table, rows] of readTables(database)) state.set(`${name}/${table}`, hash('sha256', rows.join('\n')))
  }
  return state
}

/** One value for the whole state. */
export function digestOf(state: State): string {
  return hash('sha256', JSON.stringify([...state].sort()))
}

/** The names of what is not the same in both. */
export function differences(before: State, after: State): string[] {
  const names = new Set([...before.keys(), ...after.keys()])
  return [...names].filter((name) => before.get(name) !== after.get(name)).sort()
}

/** Where the database of an instance lies, whose folder is `data` in `folder`; its secret files are beside it. */
export function databaseOf(folder: string): string {
  return path.join(folder, 'data', 'database', 'countersign.sqlite')
}

/** Opens the database of an instance beside its server, so that nothing can be written. */
export function withDatabase<Result>(file: string, work: (database: DatabaseSync) => Result): Result {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return work(database)
  } finally {
    database.close()
  }
}

function readTables(file: string): Map<string, string[]> {
  return withDatabase(file, (database) => {
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()
    return new Map(
      tables.map(({ name }) => {
        const rows = database.prepare(`SELECT * FROM "${name}"`).all() as Row[]
        const texts = rows.filter((row) => !isOfAuditLog(String(name), row)).map((row) => textOf(String(name), row))
        return [`table ${name}`, texts.sort()]
      }),
    )
  })
}

function isOfAuditLog(table: string, row: Row): boolean {
  if (table === 'account_audit_entries') return true
  if (table === 'sqlite_sequence') return row.name === 'account_audit_entries'
  if (table === 'log') return row.name === 'audit'
  return table === 'log_key_tile' && row.log === 'audit'
}

function textOf(table: string, row: Row): string {
  return JSON.stringify(row, (name, value) => {
    // The count of wrong codes is itself the record of refusals: it ends an invitation that is being guessed at.
    if (table === 'account_invitations' && name === 'failures') return undefined
    return value instanceof Uint8Array ? value.toHex() : value
  })
}

function isNewsOfAuditLog(folder: string, file: string): boolean {
  if (!/(?:^|\/)feed\/[0-9a-f]+\.json$/.test(file)) return false
  return String(JSON.parse(read(folder, file).toString('utf8')).origin).endsWith('/audit')
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => !entry.isDirectory() && !entry.isSocket())
  return files.map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name))).sort()
}

function read(folder: string, file: string): Buffer {
  return readFileSync(path.join(folder, file))
}
