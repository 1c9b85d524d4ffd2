import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, replaceFile } from '@countersign/local/files/durable.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import type { Logger } from '@countersign/platform/telemetry/logger.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { MAX_PACKAGE_BYTES } from './listPublished.ts'
import { isIntegrity, type NpmCache, openNpmCache } from './npmCache.ts'
import { findNpm, type NpmClient } from './npmClient.ts'
import { specOf, type WantedPackage } from './publishedContents.ts'
import { fieldsOf, parseLoosely, validName, validVersion } from './readPackageJson.ts'

/** A published package that lies in the folder of this machine. */
export interface KeptPackage {
  readonly name: string
  readonly version: string
  /** `sha512-…`, as the registry names it. */
  readonly integrity: string
  readonly path: string
  readonly sizeBytes: number
}

/** Published packages, fetched once and kept. */
export interface PublishedPackages {
  /**
   * Brings the packages to this machine, by `name@version`: from the folder, from npm's cache, then from the registry that
   * npm is configured for. Bytes count only with the integrity under which the registry has that version. One that cannot be
   * had says why. Never rejects for what the network or npm does.
   */
  fetch(wanted: readonly WantedPackage[]): Promise<ReadonlyMap<string, KeptPackage | { readonly missing: string }>>
}

/** Where packages are kept, and what may be asked. */
export interface PublishedOptions {
  readonly folder: string
  /** Asks no registry: what is neither kept nor in npm's cache is missing. */
  readonly offline?: boolean
  /** The npm that is asked; found on this machine where not given. */
  readonly npm?: NpmClient
  readonly logger?: Logger
}

/** Packages for one run of npm: command lines have an end. */
const BATCH = 50
const BATCH_TIMEOUT_MS = 300_000
const MAX_NOTE_BYTES = 4096

/** Opens the published packages that are kept in `folder`; it is made when the first one comes. */
export function openPublishedPackages(options: PublishedOptions): PublishedPackages {
  return { fetch: (wanted) => fetchPackages(wanted, options) }
}

type Found = Map<string, KeptPackage | { readonly missing: string }>

async function fetchPackages(wanted: readonly WantedPackage[], options: PublishedOptions): Promise<Found> {
  const found: Found = new Map()
  const bySpec = new Map(wanted.map((one) => [specOf(one), one]))
  for (const [spec, one] of bySpec) {
    // Nothing that a stranger wrote reaches a command line unless it is a name and a version.
    const isPackage = validName(one.name) === one.name && one.name !== '' && validVersion(one.version) === one.version
    if (!isPackage || one.version === '') found.set(spec, { missing: 'it is no package name and version' })
    else await keepKnown(spec, one, options.folder, found)
  }
  const left = () => [...bySpec].filter(([spec]) => !found.has(spec))
  if (left().length > 0) {
    try {
      await takeFromNpm(left(), options, found)
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      options.logger?.warn({ code: error.code }, error.message)
      for (const [spec] of left()) found.set(spec, { missing: error.message })
    }
  }
  const why = options.offline
    ? 'it is not on this machine, and nothing is asked off-line'
    : 'no registry that npm is configured for has it'
  for (const [spec] of left()) found.set(spec, { missing: why })
  return found
}

async function takeFromNpm(
  left: readonly (readonly [string, WantedPackage])[],
  { folder, offline = false, npm = findNpm() }: PublishedOptions,
  found: Found,
): Promise<void> {
  await makeFolder(folder, { point: 'inspector.published-folder', mode: 0o700 })
  const cache = await openNpmCache(
    npm,
    folder,
    left.map(([, { name }]) => name),
  )
  const take = async (one: readonly (readonly [string, WantedPackage])[]) => {
    for (const [spec, wanted] of one) await keepCached(spec, wanted, cache, folder, found)
  }
  await take(left)
  const missing = () => left.filter(([spec]) => !found.has(spec))
  for (let at = 0; !offline && at < left.length; at += BATCH) {
    const batch = left.slice(at, at + BATCH).filter(([spec]) => !found.has(spec))
    if (batch.length === 0) continue
    const specs = batch.map(([spec]) => spec)
    await npm.run(['cache', 'add', '--ignore-scripts', '--', ...specs], { cwd: folder, timeoutMs: BATCH_TIMEOUT_MS })
    await take(batch)
  }
  // Registries that keep packages under other addresses: npm itself says what it fetched.
  for (const [spec, wanted] of offline ? [] : missing()) {
    const integrity = await cache.askIntegrity(wanted)
    if (integrity !== undefined) await keepBytes(spec, wanted, integrity, await cache.read(integrity), folder, found)
  }
}

async function keepCached(
  spec: string,
  wanted: WantedPackage,
  cache: NpmCache,
  folder: string,
  found: Found,
): Promise<void> {
  const integrity = await cache.integrityOf(wanted)
  if (integrity !== undefined) await keepBytes(spec, wanted, integrity, await cache.read(integrity), folder, found)
}

/** Durable afterwards: the bytes under their digest, then the note which package they are. */
async function keepBytes(
  spec: string,
  { name, version }: WantedPackage,
  integrity: string,
  bytes: Uint8Array | undefined,
  folder: string,
  found: Found,
): Promise<void> {
  if (bytes === undefined || integrityOf(bytes) !== integrity) return
  if (bytes.length > MAX_PACKAGE_BYTES) {
    found.set(spec, { missing: `it is larger than ${MAX_PACKAGE_BYTES} bytes` })
    return
  }
  const path = tarballPath(folder, integrity)
  await replaceFile(path, bytes, { point: 'inspector.published-package', mode: 0o600 })
  const note = new TextEncoder().encode(JSON.stringify({ name, version, integrity }))
  await replaceFile(notePath(folder, spec), note, { point: 'inspector.published-note', mode: 0o600 })
  found.set(spec, { name, version, integrity, path, sizeBytes: bytes.length })
}

/** A kept package counts only while its bytes still have their digest. */
async function keepKnown(spec: string, { name, version }: WantedPackage, folder: string, found: Found): Promise<void> {
  const note = notePath(folder, spec)
  if (!existsSync(note)) return
  try {
    const known = fieldsOf(parseLoosely(await readBounded(note, MAX_NOTE_BYTES)))
    const { integrity } = known
    if (known.name !== name || known.version !== version || !isIntegrity(integrity)) return
    const path = tarballPath(folder, integrity)
    const bytes = await readBounded(path, MAX_PACKAGE_BYTES)
    if (integrityOf(bytes) === integrity) found.set(spec, { name, version, integrity, path, sizeBytes: bytes.length })
  } catch (error) {
    // What is damaged, or gone, is fetched again and replaced.
    if (!(error instanceof CodedError)) throw error
  }
}

function tarballPath(folder: string, integrity: string): string {
  return join(folder, `${Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex')}.tgz`)
}

function notePath(folder: string, spec: string): string {
  return join(folder, `${createHash('sha256').update(spec).digest('hex')}.json`)
}

function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`
}
