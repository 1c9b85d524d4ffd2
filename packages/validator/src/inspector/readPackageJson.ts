import { INSPECTOR_LIMITS, type ListedPackage } from './listing.ts'

const NAME = /^(?:@[a-z0-9~][a-z0-9._~-]*\/)?[a-z0-9~_-][a-z0-9._~-]*$/i
const MAX_NAME = 214
const MAX_VERSION = 256
const VERSION = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*)?$/

/** An object of a stranger's JSON; everything else becomes an empty one. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

/** Parses JSON as npm does; undefined where it is none. A byte order mark is skipped, as npm skips it. */
export function parseLoosely(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}

/** A package name as registries have had them, old upper-case names included; empty where it is none. */
export function validName(value: unknown): string {
  return typeof value === 'string' && value.length <= MAX_NAME && NAME.test(value) ? value : ''
}

/** A version of SemVer 2, as npm cleans it; empty where it is none. */
export function validVersion(value: unknown): string {
  const cleaned = typeof value === 'string' ? value.trim().replace(/^[=v]+/, '') : ''
  return cleaned.length <= MAX_VERSION && VERSION.test(cleaned) ? cleaned : ''
}

/** Names that are the keys of `value`, bounded. */
export function namesIn(value: unknown): string[] {
  return Object.keys(fieldsOf(value))
    .slice(0, INSPECTOR_LIMITS.dependencies)
    .filter((name) => validName(name) !== '')
}

/** Reads what a `package.json` in `folder` says; undefined where it is no JSON object. */
export function readPackageJson(folder: string, bytes: Uint8Array): ListedPackage | undefined {
  const json = parseLoosely(bytes)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined
  const fields = fieldsOf(json)
  const optional = namesIn(fields.optionalDependencies)
  // npm writes optional dependencies below `dependencies` too when it publishes.
  const required = namesIn(fields.dependencies).filter((name) => !optional.includes(name))
  const peers = namesIn(fields.peerDependencies)
  return {
    folder,
    name: validName(fields.name),
    version: validVersion(fields.version),
    isPrivate: fields.private === true,
    dependencies: [...new Set([...required, ...optional, ...peers])],
    required,
    development: namesIn(fields.devDependencies),
  }
}
