import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { npmCommand } from '../../../tools/npmCommand.ts'
import { mustRun } from '../../support/runProgram.ts'
import { type OwnProduct, splitSpec } from './options.ts'

/** One version of the product, packed for devices. */
export interface PackedRelease {
  readonly version: string
  /** A `.tar.gz` with `countersign.json` at its root. */
  readonly archive: string
  readonly sha256: string
  readonly sizeBytes: number
}

const releases = path.join(import.meta.dirname, 'releases')

/** Installs a release of the replay from its lockfile and packs it. Packages come from the npm registry or npm's cache. */
export async function packReplayRelease(version: string, folder: string): Promise<PackedRelease> {
  const source = path.join(folder, `files-${version}`)
  cpSync(path.join(releases, version), source, { recursive: true })
  await npm(source, 'ci')
  return pack(source, version, ['countersign.json', 'package.json', 'package-lock.json', 'public', 'node_modules'])
}

/** Makes a version of the caller's product: the package, with one of its dependencies at the version of `dependency`. */
export async function packOwnRelease(
  version: string,
  own: OwnProduct,
  dependency: string,
  folder: string,
): Promise<PackedRelease> {
  const source = path.join(folder, `files-${version}`)
  mkdirSync(path.join(source, 'public'), { recursive: true })
  const main = splitSpec(own.package)
  const pinned = splitSpec(dependency)
  writeJson(path.join(source, 'package.json'), {
    name: 'files',
    version,
    private: true,
    dependencies: { [main.name]: main.version },
    overrides: { [pinned.name]: pinned.version },
  })
  await npm(source, 'install')
  const bin = JSON.parse(readFileSync(path.join(source, 'node_modules', main.name, 'package.json'), 'utf8')).bin
  const [command = '', ...rest] = own.start
  const script = typeof bin === 'string' ? bin : bin?.[command]
  if (script === undefined) throw new TypeError(`${own.package} has no command ${command}`)
  writeJson(path.join(source, 'countersign.json'), {
    v: 1,
    product: 'files',
    version,
    start: ['node', path.posix.join('node_modules', main.name, script), ...rest],
    firstParty: ['public/**'],
    stopTimeoutMs: 2000,
  })
  writeFileSync(path.join(source, 'public', 'version.txt'), `files ${version}\n`)
  return pack(source, version, ['countersign.json', 'package.json', 'package-lock.json', 'public', 'node_modules'])
}

/** Nothing of a package is run here: the demo certifies code, so it does not execute it first. */
async function npm(folder: string, command: 'ci' | 'install'): Promise<void> {
  await mustRun([...npmCommand, command, '--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund'], {
    cwd: folder,
    timeoutMs: 300_000,
  })
}

async function pack(source: string, version: string, entries: readonly string[]): Promise<PackedRelease> {
  const archive = `${source}.tar.gz`
  await mustRun(['tar', '-czf', archive, '-C', source, ...entries])
  const bytes = readFileSync(archive)
  return { version, archive, sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length }
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)
}
