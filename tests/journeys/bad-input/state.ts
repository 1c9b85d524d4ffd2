import { hash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** A folder whose whole content is state. */
export interface Place {
  readonly name: string
  readonly folder: string
  /** Of an instance and of a validator the database is read as rows; of `devices`, what each remembers, value by value. */
  readonly kind: 'instance' | 'client' | 'validator' | 'devices'
}

/** A hash for every file and every table, by a name for people. */
export type State = ReadonlyMap<string, string>

type Row = Record<string, unknown>

/**
 * What is left out of an instance's files: the database, which is read as rows; the audit log; the lock with its journal and
 * the local socket, which are no content; the validator, which is a place of its own.
 */
const notFilesOfInstances = /^data\/(?:database\/|blobs\/logs\/audit\/|lock(?:-journal)?$|admin\.sock$|validator\/)/

/** What is left out of a client's files: locks, and kept evidence of a fork, which is the record of that refusal. */
const notFilesOfClients = /(?:^|\/)(?:lock(?:-journal)?$|evidence\/)/

/** What is left out of a validator's files: the database, what it has learned of the instance, and what is no content. */
const notFilesOfValidators = /^(?:database\/|trust\/|lock(?:-journal)?$|admin\.sock$)/

/**
 * What is left out of a device's files: what it remembers, which is read value by value; what it has learned of the instance,
 * evidence and locks; and what the programs write.
 */
const notFilesOfDevices =
  /^[^/]+\/(?:state\.json$|(?:work|output)\/)|\/(?:feed|records|evidence)\/|\/(?:anchor\.json|lock(?:-journal)?)$/

/** What a device remembers of its reports and of what it was told: no refusal keeps it from going on. */
const notStateOfDevices: ReadonlySet<string> = new Set([
  ...['reportCounter', 'timeFloor', 'acknowledged', 'tuf', 'events', 'assignment'],
])

/** Reads everything that a refusal must leave as it was. */
export function readState(places: readonly Place[]): State {
  const state = new Map<string, string>()
  for (const { name, folder, kind } of places) {
    for (const file of filesBelow(folder)) {
      if (isLeftOut[kind](file) || (kind === 'client' && isNewsOfAuditLog(folder, file))) continue
      const mode = (statSync(path.join(folder, file)).mode & 0o777).toString(8)
      state.set(`${name}/${file}`, hash('sha256', Buffer.concat([Buffer.from(mode), read(folder, file)])))
    }
    if (kind === 'devices') for (const [value, text] of readDevices(folder)) state.set(`${name}/${value}`, text)
    const database = kind === 'validator' ? databaseOfValidator(folder) : databaseOf(folder)
    if (kind === 'client' || kind === 'devices' || !existsSync(database)) continue
    for (const [table, rows] of readTables(database)) state.set(`${name}/${table}`, hash('sha256', rows.join('\n')))
  }
  return state
}

const isLeftOut: Readonly<Record<Place['kind'], (file: string) => boolean>> = {
  instance: (file) => notFilesOfInstances.test(file),
  client: (file) => notFilesOfClients.test(file),
  validator: (file) => notFilesOfValidators.test(file),
  devices: (file) => notFilesOfDevices.test(file),
}

/** Of every device in `folder` what it remembers, by names such as `front running`. */
function readDevices(folder: string): [string, string][] {
  if (!existsSync(folder)) return []
  return readdirSync(folder).flatMap((device) => {
    const file = path.join(folder, device, 'state.json')
    if (!existsSync(file)) return []
    const values = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Row)
    const kept = values.filter(([value]) => !notStateOfDevices.has(value))
    return kept.map(([value, content]): [string, string] => [`${device} ${value}`, JSON.stringify(content)])
  })
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

function databaseOfValidator(folder: string): string {
  return path.join(folder, 'database', 'validator.sqlite')
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
        const texts = rows.filter((row) => !isOnRecord(String(name), row)).map((row) => textOf(String(name), row))
        return [`table ${name}`, texts.sort()]
      }),
    )
  })
}

function isOnRecord(table: string, row: Row): boolean {
  if (table === 'account_audit_entries') return true
  // What a device reports is on record, whatever became of it there.
  if (table === 'fleet_reports') return true
  // How far a validator has read the instance's certificate log: it reads on, whatever is refused meanwhile.
  if (table === 'watch_logs') return true
  if (table === 'sqlite_sequence') return row.name === 'account_audit_entries'
  if (table === 'log') return row.name === 'audit'
  return table === 'log_key_tile' && row.log === 'audit'
}

/** When somebody called last, and how a validator says it is. */
const saidOfThemselves: ReadonlySet<string> = new Set([
  ...['artifacts_validators.told_ms', 'artifacts_validators.status', 'fleet_members.last_seen_ms'],
])

function textOf(table: string, row: Row): string {
  return JSON.stringify(row, (name, value) => {
    // The count of wrong codes is itself the record of refusals: it ends an invitation that is being guessed at.
    if (table === 'account_invitations' && name === 'failures') return undefined
    if (saidOfThemselves.has(`${table}.${name}`)) return undefined
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
