import crypto from 'node:crypto'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import zlib from 'node:zlib'

let working = 0

/** The runtime does not list all that its threads work on: files, compression, cryptography. To be imported first. */
async function countHiddenWork(): Promise<void> {
  for (const name of ['verify', 'sign', 'scrypt', 'generateKeyPair']) countUntilCallback(crypto, name)
  // What all streams of zlib have in common.
  const streams = Object.getPrototypeOf(Object.getPrototypeOf(zlib.Gunzip.prototype))
  for (const name of ['_transform', '_flush']) countUntilCallback(streams, name)
  await using handle = await fs.open(import.meta.filename)
  const handles = Object.getPrototypeOf(handle)
  for (const name of ['read', 'readFile', 'stat', 'write', 'writeFile', 'sync', 'close'])
    countUntilSettled(handles, name)
  for (const [name, value] of Object.entries(fs)) if (typeof value === 'function') countUntilSettled(fs, name)
  syncBuiltinESMExports()
}

type AnyFunction = (this: unknown, ...values: unknown[]) => unknown

function countUntilCallback(owner: object, name: string): void {
  const original = Reflect.get(owner, name) as AnyFunction
  const counted: AnyFunction = function (...values) {
    const callback = values.at(-1)
    if (typeof callback !== 'function') return original.apply(this, values)
    working++
    const done = (...results: unknown[]) => {
      working--
      callback(...results)
    }
    return original.apply(this, [...values.slice(0, -1), done])
  }
  Reflect.set(owner, name, counted)
}

function countUntilSettled(owner: object, name: string): void {
  const original = Reflect.get(owner, name) as AnyFunction
  const counted: AnyFunction = function (...values) {
    const result = original.apply(this, values)
    if (!(result instanceof Promise)) return result
    working++
    const done = () => void working--
    result.then(done, done)
    return result
  }
  Reflect.set(owner, name, counted)
}
await countHiddenWork()

const WORK = /Req|Immediate|ProcessWrap/
const PATIENT_TURNS = 50

/**
 * Resolves once nothing runs and nothing is read or written: everybody waits for the simulated clock or network. Only then may
 * simulated time go on, so that one seed always gives the same story, however fast the disk is.
 */
export async function allQuiet(): Promise<void> {
  for (let turns = 0; ; turns++) {
    if (turns < PATIENT_TURNS) await nextTurn()
    else await wait(1)
    if (working === 0 && !process.getActiveResourcesInfo().some((kind) => WORK.test(kind))) return
  }
}
