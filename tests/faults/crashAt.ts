/**
 * Preloaded into a program under test (`node --import`): makes its crash points audible and deadly.
 * - `COUNTERSIGN_CRASH_RECORD` names a file to which the name of every crash point is added that the program passes.
 * - `COUNTERSIGN_CRASH_ORDER` names a file; from when it exists, the program dies as by power failure at the first crash point
 *   and passing that one of its lines says (`log.commit:before 3`). A file `<order>.done` then holds the line that killed it.
 */
import crypto from 'node:crypto'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const { COUNTERSIGN_CRASH_RECORD: record, COUNTERSIGN_CRASH_ORDER: order } = process.env
/** How often each point was passed under the orders of the moment. */
const passed = new Map<string, number>()
let orders = ''

function passes(point: string): void {
  if (record !== undefined) appendFileSync(record, `${point}\n`)
  if (order === undefined || !existsSync(order)) return
  const given = readFileSync(order, 'utf8')
  if (given !== orders) passed.clear()
  orders = given
  const passing = (passed.get(point) ?? 0) + 1
  passed.set(point, passing)
  const line = `${point} ${passing}`
  if (given.split('\n').includes(line)) die(order, line)
}

function die(order: string, line: string): void {
  writeFileSync(`${order}.done`, line)
  process.kill(process.pid, 'SIGKILL')
  // Nothing more may happen on this thread until the signal arrives.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

Object.assign(globalThis, { [Symbol.for('countersign.crashPoint')]: passes })

// What it costs to guess a passphrase is not what is tested, and dozens of creations would spend most of their time on it.
const { scrypt } = crypto
crypto.scrypt = ((password, salt, length, options, done) =>
  scrypt(password, salt, length, { ...options, N: 2 }, done)) as typeof crypto.scrypt
syncBuiltinESMExports()

// A test that is itself killed leaves no server behind.
const parent = process.ppid
setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
}, 500).unref()
