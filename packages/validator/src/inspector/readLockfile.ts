import { INSPECTOR_LIMITS, type LockEntry, type Lockfile } from './listing.ts'
import { fieldsOf, namesIn, parseLoosely, validName, validVersion } from './readPackageJson.ts'

const INTEGRITY = /^[A-Za-z0-9+/=? -]{1,512}$/

/** Names under which npm keeps a lockfile. */
export const LOCKFILE_NAMES: readonly string[] = ['package-lock.json', 'npm-shrinkwrap.json']

/** Where npm notes what it installed, below the folder it installed into. */
export const INSTALLED_LOCKFILE = 'node_modules/.package-lock.json'

/** Why a lockfile cannot be read; absent: it was. */
export type LockfileResult = { readonly lockfile: Lockfile } | { readonly failure: string }

/**
 * Reads `packages` of a lockfile of version 2 or 3. Version 1 says nothing about where a package lies, and other versions
 * are not known: they are failures, like more entries than the limit and paths that lead out.
 */
export function readLockfile(path: string, bytes: Uint8Array): LockfileResult {
  const { lockfileVersion, packages } = fieldsOf(parseLoosely(bytes))
  if (lockfileVersion !== 2 && lockfileVersion !== 3) {
    return { failure: 'it is no lockfile of version 2 or 3; npm 7 and later write these' }
  }
  const given = Object.entries(fieldsOf(packages))
  if (given.length > INSPECTOR_LIMITS.packages)
    return { failure: `it names more than ${INSPECTOR_LIMITS.packages} packages` }
  const entries: LockEntry[] = []
  for (const [key, value] of given) {
    if (!isInside(key)) return { failure: 'a path in it leads out of the artifact' }
    entries.push(readEntry(key, fieldsOf(value)))
  }
  return { lockfile: { path, entries } }
}

function readEntry(path: string, fields: Readonly<Record<string, unknown>>): LockEntry {
  const source = sourceOf(fields.resolved)
  const { integrity } = fields
  return {
    path,
    name: validName(fields.name) || installedName(path),
    version: validVersion(fields.version),
    ...(typeof integrity === 'string' && INTEGRITY.test(integrity) && { integrity }),
    ...(source !== undefined && { source }),
    isLink: fields.link === true,
    isDispensable: [fields.dev, fields.optional, fields.devOptional, fields.peer].includes(true),
    isBundled: fields.inBundle === true,
    dependencies: [
      ...new Set(['dependencies', 'optionalDependencies', 'peerDependencies'].flatMap((name) => namesIn(fields[name]))),
    ],
  }
}

/**
 * What a package is installed from, where that is no registry: `file:`, `git+ssh:`, a folder. Any web address may be a
 * registry's; whether the content is the published one shows when the two are compared.
 */
function sourceOf(resolved: unknown): string | undefined {
  if (typeof resolved !== 'string' || resolved === '') return undefined
  if (/^https?:/.test(resolved)) return undefined
  // Shown to people: no password that somebody put into an address.
  return resolved.replace(/\/\/[^/@]*@/, '//').slice(0, 200)
}

/** The name that an install path ends with: `node_modules/a/node_modules/@b/c` is `@b/c`. */
export function installedName(path: string): string {
  const at = path.lastIndexOf('node_modules/')
  const name = at < 0 ? path.slice(path.lastIndexOf('/') + 1) : path.slice(at + 'node_modules/'.length)
  return validName(name)
}

function isInside(path: string): boolean {
  if (path === '') return true
  const isPlain = path.length <= INSPECTOR_LIMITS.path && !path.startsWith('/') && !/[\\\p{Cc}]/u.test(path)
  return isPlain && !path.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')
}
