import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { type FixtureEntry, writeTar } from 'countersign-validator/inspector/archiveFixture.ts'
import { npmCommand } from '../../../tools/npmCommand.ts'
import { mustRun } from '../../support/runProgram.ts'

/** What an archive holds, by path. */
export type Files = Readonly<Record<string, string | Uint8Array>>

/** An artifact that must not be certified. */
export interface Unclean {
  readonly input: string
  /** Of every gap of the verdict, and the ids of advisories that it found. */
  readonly expectedCode: string
  readonly bytes: Uint8Array
  /** Options of `submit`. */
  readonly options?: readonly string[]
  /** 2 where nothing could be decided about it. */
  readonly expectedExit?: 1 | 2
}

/** A program that does nothing until it is stopped. */
const PROGRAM = "process.on('SIGTERM', () => process.exit())\nsetInterval(() => {}, 60_000)\n"

/** Installs `dependencies` in `folder` with npm and reads what lies there then, lockfiles included. Nothing of it is run. */
export async function installPackages(folder: string, dependencies: Readonly<Record<string, string>>): Promise<Files> {
  mkdirSync(folder, { recursive: true })
  const own = { name: 'bad-input', version: '1.0.0', private: true, dependencies }
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(own)}\n`)
  const quietly = ['--ignore-scripts', '--no-audit', '--no-fund']
  await mustRun([...npmCommand, 'install', ...quietly], { cwd: folder })
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    files.map((entry) => {
      const file = path.join(entry.parentPath, entry.name)
      return [path.relative(folder, file), readFileSync(file)]
    }),
  )
}

/** The files of a version of a product: packages, the program, and the manifest that says how it starts. */
export function productFiles(packages: Files, product: string, version: string): Files {
  const manifest = {
    v: 1,
    product,
    version,
    start: ['node', 'server.js'],
    firstParty: ['server.js'],
    stopTimeoutMs: 1000,
  }
  return { ...packages, 'countersign.json': JSON.stringify(manifest), 'server.js': `// ${version}\n${PROGRAM}` }
}

/** `files` without those whose path starts with one of `names`. */
export function without(files: Files, ...names: readonly string[]): Files {
  return Object.fromEntries(Object.entries(files).filter(([file]) => !names.some((name) => file.startsWith(name))))
}

/** A tar of `files`, and behind them entries of which nothing is checked. */
export function tarOf(files: Files, more: readonly FixtureEntry[] = []): Buffer {
  return writeTar([...Object.entries(files).map(([name, content]) => ({ name, content })), ...more])
}

/** The same, compressed, as it is signed and submitted. */
export function packed(files: Files, more: readonly FixtureEntry[] = []): Buffer {
  return gzipSync(tarOf(files, more))
}
