/**
 * Preloaded into a program under test (`node --import`): makes its crash points audible and deadly.
 * - `COUNTERSIGN_CRASH_RECORD` names a file to which the name of every crash point is added that the program passes.
 * - `COUNTERSIGN_CRASH_ORDER` names a file; from when it exists, the program dies as by power failure at the crash point
 *   and the passing that it says (`log.commit:before 3`). A file `<order>.done` then tells that it was this that killed it.
 */
import crypto from 'node:crypto'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const { COUNTERSIGN_CRASH_RECORD: record, COUNTERSIGN_CRASH_ORDER: order } = process.env
let passed = 0

function passes(point: string): void {
  if (record !== undefined) appendFileSync(record, `${point}\n`)
  if (order === undefined || !existsSync(order)) return
  const [wanted, passing] = readFileSync(order, 'utf8').split(' ')
  if (point !== wanted) return
  passed += 1
  if (passed === Number(passing)) die(order)
}

function die(order: string): void {
  writeFileSync(`${order}.done`, '')
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
