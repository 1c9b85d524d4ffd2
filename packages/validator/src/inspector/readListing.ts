import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { jsonFields } from '@countersign/protocol/statement/jsonFields.ts'
import { inspectorError } from './errors.ts'
import {
  FILE_KINDS,
  INSPECTOR_LIMITS,
  type ListedFile,
  type ListedGap,
  type ListedPackage,
  type Listing,
  type LockEntry,
  type Lockfile,
  type PublishedFile,
  type PublishedListing,
} from './listing.ts'

const read = jsonFields(malformed)
const { path: PATH, entries: ENTRIES, packages: PACKAGES, dependencies: DEPENDENCIES } = INSPECTOR_LIMITS
const NAME = 256
const SHA256 = /^(?:[0-9a-f]{64})?$/

/**
 * Reads what the restricted process says of an artifact. The process read a stranger's bytes, so what it says is a
 * stranger's too: closed fields, limits on every list and text. Throws `inspector.answer-malformed`.
 */
export function readListing(json: JsonValue): Listing {
  const fields = ['form', 'sizeBytes', 'sha256', 'sha512', 'files', 'packages', 'lockfiles', 'manifest', 'gaps']
  const listing = read.closed(json, 'the listing', fields)
  const { manifest } = listing
  const maxManifest = Math.ceil(INSPECTOR_LIMITS.manifestBytes / 3) * 4
  return {
    form: read.text(listing.form, 'form', { max: 200 }),
    sizeBytes: read.count(listing.sizeBytes, 'sizeBytes'),
    sha256: read.sha256(listing.sha256, 'sha256'),
    sha512: read.text(listing.sha512, 'sha512', { max: 88, pattern: /^[A-Za-z0-9+/]{86}==$/ }),
    files: read.list(listing.files, 'files', { max: ENTRIES }, readFile),
    packages: read.list(listing.packages, 'packages', { max: ENTRIES }, readPackage),
    lockfiles: read.list(listing.lockfiles, 'lockfiles', { max: ENTRIES }, readLockfile),
    ...(manifest !== undefined && {
      manifest: read.text(manifest, 'manifest', { min: 0, max: maxManifest, pattern: /^[A-Za-z0-9+/]*={0,2}$/ }),
    }),
    gaps: read.list(listing.gaps, 'gaps', { max: 10_000 }, readGap),
  }
}

/** Reads what the restricted process says of published packages. Throws `inspector.answer-malformed`. */
export function readPublishedListings(json: JsonValue): PublishedListing[] {
  return read.list(json, 'the packages', { max: PACKAGES }, (one, what) => {
    const { name, version, files, failure } = read.closed(one, what, ['name', 'version', 'files', 'failure'])
    return {
      name: read.text(name, `${what}.name`, { min: 0, max: NAME }),
      version: read.text(version, `${what}.version`, { min: 0, max: NAME }),
      files: read.list(files, `${what}.files`, { max: ENTRIES }, readPublishedFile),
      ...(failure !== undefined && { failure: read.text(failure, `${what}.failure`, { max: 512 }) }),
    }
  })
}

function readPublishedFile(json: JsonValue, what: string): PublishedFile {
  const [path, ...digests] = read.list(json, what, { min: 2, max: 3 }, (one, at) => read.text(one, at, { max: PATH }))
  const [sha256, unixSha256] = digests.map((digest) => read.sha256(digest, what))
  return unixSha256 === undefined ? [path ?? '', sha256 ?? ''] : [path ?? '', sha256 ?? '', unixSha256]
}

function readFile(json: JsonValue, what: string): ListedFile {
  const { path, kind, sizeBytes, sha256, target } = read.closed(json, what, [
    'path',
    'kind',
    'sizeBytes',
    'sha256',
    'target',
  ])
  const known = FILE_KINDS.find((one) => one === kind)
  if (known === undefined) throw malformed(`${what}.kind is unknown`)
  return {
    path: read.text(path, `${what}.path`, { max: PATH }),
    kind: known,
    sizeBytes: read.count(sizeBytes, `${what}.sizeBytes`),
    sha256: read.text(sha256, `${what}.sha256`, { min: 0, max: 64, pattern: SHA256 }),
    ...(target !== undefined && { target: read.text(target, `${what}.target`, { min: 0, max: 2 * PATH }) }),
  }
}

function readPackage(json: JsonValue, what: string): ListedPackage {
  const names = ['folder', 'name', 'version', 'isPrivate', 'dependencies', 'required', 'development']
  const fields = read.closed(json, what, names)
  return {
    folder: read.text(fields.folder, `${what}.folder`, { min: 0, max: PATH }),
    name: read.text(fields.name, `${what}.name`, { min: 0, max: NAME }),
    version: read.text(fields.version, `${what}.version`, { min: 0, max: NAME }),
    isPrivate: read.flag(fields.isPrivate, `${what}.isPrivate`),
    dependencies: readNames(fields.dependencies, `${what}.dependencies`),
    required: readNames(fields.required, `${what}.required`),
    development: readNames(fields.development, `${what}.development`),
  }
}

function readLockfile(json: JsonValue, what: string): Lockfile {
  const { path, entries } = read.closed(json, what, ['path', 'entries'])
  return {
    path: read.text(path, `${what}.path`, { min: 0, max: PATH }),
    entries: read.list(entries, `${what}.entries`, { max: PACKAGES }, readEntry),
  }
}

function readEntry(json: JsonValue, what: string): LockEntry {
  const flags = ['isLink', 'isDispensable', 'isBundled']
  const names = ['path', 'name', 'version', 'integrity', 'source', ...flags, 'dependencies']
  const { integrity, source, ...fields } = read.closed(json, what, names)
  return {
    path: read.text(fields.path, `${what}.path`, { min: 0, max: PATH }),
    name: read.text(fields.name, `${what}.name`, { min: 0, max: NAME }),
    version: read.text(fields.version, `${what}.version`, { min: 0, max: NAME }),
    ...(integrity !== undefined && { integrity: read.text(integrity, `${what}.integrity`, { max: 512 }) }),
    ...(source !== undefined && { source: read.text(source, `${what}.source`, { max: NAME }) }),
    isLink: read.flag(fields.isLink, `${what}.isLink`),
    isDispensable: read.flag(fields.isDispensable, `${what}.isDispensable`),
    isBundled: read.flag(fields.isBundled, `${what}.isBundled`),
    dependencies: readNames(fields.dependencies, `${what}.dependencies`),
  }
}

function readNames(json: JsonValue | undefined, what: string): string[] {
  return read.list(json, what, { max: 3 * DEPENDENCIES }, (one, at) => read.text(one, at, { max: NAME }))
}

function readGap(json: JsonValue, what: string): ListedGap {
  const { code, path, detail } = read.closed(json, what, ['code', 'path', 'detail'])
  return {
    code: read.text(code, `${what}.code`, { max: 80, pattern: /^gap\.[a-z0-9-]+$/ }),
    path: read.text(path, `${what}.path`, { min: 0, max: PATH }),
    detail: read.text(detail, `${what}.detail`, { max: 1024 }),
  }
}

function malformed(message: string) {
  return inspectorError('inspector.answer-malformed', message)
}
