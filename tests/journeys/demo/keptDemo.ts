import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** What `npm run demo -- --keep` leaves for `npm run demo:check`: addresses and paths, nothing that would have to be believed. */
export interface KeptDemo {
  readonly folder: string
  readonly publicUrl: string
  readonly trustedRoot: string
  readonly releases: Readonly<Record<string, { readonly archive: string; readonly number: string }>>
  readonly front: string
  readonly endedPid: number
  /** What to end when you are done: process ids. */
  readonly processes: readonly number[]
}

/** One demo at a time is looked for; `demo:check` can also be given another one's file. */
const known = path.join(tmpdir(), 'countersign-demo.json')

/** Writes where a kept demo is, and returns the file's path. */
export function keepDemo(demo: KeptDemo): string {
  writeFileSync(known, `${JSON.stringify(demo, null, 2)}\n`)
  return known
}

/** Reads what `keepDemo` wrote. Ends the process where no demo was kept. */
export function readKeptDemo(file: string = known): KeptDemo {
  if (!existsSync(file)) {
    console.error('No demo is running. Start one with: npm run demo -- --keep')
    process.exit(1)
  }
  return JSON.parse(readFileSync(file, 'utf8')) as KeptDemo
}

/** Forgets a kept demo that has ended. */
export function forgetKeptDemo(file: string = known): void {
  rmSync(file, { force: true })
}
