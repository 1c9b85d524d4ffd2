import { purlError } from './errors.ts'

/** A package URL taken apart; every text is decoded. */
export interface Purl {
  /** Lower case: `npm`, `deb`, `golang`. */
  readonly type: string
  /** Segments joined by `/`: `@babel`, `github.com/acme`. */
  readonly namespace?: string
  readonly name: string
  readonly version?: string
  /** Keys in lower case; no empty values. */
  readonly qualifiers?: Readonly<Record<string, string>>
  readonly subpath?: string
}

/** Longest package URL that is read, in characters. */
export const MAX_PURL_LENGTH = 4096

const TYPE = /^[a-z][a-z0-9.-]*$/
const KEY = /^[a-z][a-z0-9._-]*$/
/** Scanners have written these in place of the registered types. */
const ALIASES: Readonly<Record<string, { readonly type: string; readonly namespace?: string }>> = {
  alpine: { type: 'apk', namespace: 'alpine' },
  dotnet: { type: 'nuget' },
  'dotnet-core': { type: 'nuget' },
  go: { type: 'golang' },
}
/** Types whose names are compared without case (purl types). */
const LOWER_NAME = new Set(['alpm', 'apk', 'bitbucket', 'composer', 'deb', 'github', 'gitlab', 'golang', 'hex', 'pypi'])
const LOWER_NAMESPACE = new Set([
  'alpm',
  'apk',
  'bitbucket',
  'composer',
  'deb',
  'github',
  'gitlab',
  'golang',
  'hex',
  'rpm',
])
/** The types of OSV ecosystems. */
const TYPES: Readonly<Record<string, string>> = {
  npm: 'npm',
  PyPI: 'pypi',
  Go: 'golang',
  Maven: 'maven',
  NuGet: 'nuget',
  RubyGems: 'gem',
  Packagist: 'composer',
  Hex: 'hex',
  Pub: 'pub',
  Bitnami: 'bitnami',
  'crates.io': 'cargo',
}

/**
 * Reads a package URL (purl specification, "How to parse"), normalised: type and, where the type says so, names in lower
 * case, qualifiers sorted, what scanners call by other types under the registered one. Throws `purl.malformed`.
 */
export function parsePurl(text: string): Purl {
  if (text.length > MAX_PURL_LENGTH)
    throw purlError('purl.malformed', `it is longer than ${MAX_PURL_LENGTH} characters`)
  const [beforeSubpath, subpath] = splitLast(text, '#')
  const [beforeQualifiers, qualifiers] = splitLast(beforeSubpath, '?')
  const scheme = /^pkg:\/*/i.exec(beforeQualifiers)
  if (scheme === null) throw purlError('purl.malformed', 'it does not begin with pkg:')
  const path = beforeQualifiers.slice(scheme[0].length)
  const slash = path.indexOf('/')
  if (slash < 0) throw purlError('purl.malformed', 'it has no name')
  const [names, version] = splitVersion(path.slice(slash + 1))
  const segments = names.split('/').filter(Boolean).map(decoded)
  const name = segments.pop()
  return normalised({
    type: path.slice(0, slash).toLowerCase(),
    name: name ?? '',
    ...(segments.length > 0 && { namespace: segments.join('/') }),
    ...(version && { version: decoded(version) }),
    ...(qualifiers && { qualifiers: readQualifiers(qualifiers) }),
    ...(subpath && { subpath: readSubpath(subpath) }),
  })
}

/** Writes a package URL in its one canonical form (purl specification, "How to build"). Throws `purl.malformed`. */
export function formatPurl(purl: Purl): string {
  const { type, namespace, name, version, qualifiers = {}, subpath } = normalised(purl)
  const path = [type, ...(namespace ?? '').split('/').filter(Boolean).map(encoded), encoded(name)].join('/')
  const pairs = Object.entries(qualifiers).map(([key, value]) => `${key}=${encoded(value)}`)
  return [
    `pkg:${path}`,
    version ? `@${encoded(version)}` : '',
    pairs.length > 0 ? `?${pairs.join('&')}` : '',
    subpath ? `#${subpath.split('/').filter(Boolean).map(encoded).join('/')}` : '',
  ].join('')
}

/** The package URL of a package as OSV names it; an empty version is left out, an unregistered ecosystem is `generic`. */
export function purlOf({ ecosystem, name, version }: { ecosystem: string; name: string; version: string }): string {
  const type = TYPES[ecosystem.split(':')[0] ?? ''] ?? 'generic'
  const parts = name.split(type === 'maven' ? ':' : '/')
  const last = parts.pop() ?? ''
  const namespace = parts.join('/')
  return formatPurl({ type, name: last, ...(namespace && { namespace }), ...(version && { version }) })
}

function normalised(purl: Purl): Purl {
  const alias = Object.hasOwn(ALIASES, purl.type) ? ALIASES[purl.type] : undefined
  const type = alias?.type ?? purl.type
  if (!TYPE.test(type)) throw purlError('purl.malformed', 'its type is not letters, digits, dots and dashes')
  if (purl.name === '') throw purlError('purl.malformed', 'it has no name')
  const joined = [alias?.namespace, purl.namespace].filter(Boolean).join('/')
  const namespace = LOWER_NAMESPACE.has(type) ? joined.toLowerCase() : joined
  const lower = LOWER_NAME.has(type) ? purl.name.toLowerCase() : purl.name
  const name = type === 'pypi' ? lower.replaceAll('_', '-') : lower
  const pairs = Object.entries(purl.qualifiers ?? {}).map(([key, value]) => [key.toLowerCase(), value] as const)
  const strange = pairs.find(([key]) => !KEY.test(key))
  if (strange !== undefined) throw purlError('purl.malformed', 'a qualifier has a key that none may have')
  const kept = pairs.filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    type,
    name,
    ...(namespace && { namespace }),
    ...(purl.version && { version: purl.version }),
    ...(kept.length > 0 && { qualifiers: Object.fromEntries(kept) }),
    ...(purl.subpath && { subpath: purl.subpath }),
  }
}

function splitLast(text: string, separator: string): [string, string | undefined] {
  const at = text.lastIndexOf(separator)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

/** An `@` that begins a segment is of a namespace: `pkg:npm/@scope/name`. */
function splitVersion(path: string): [string, string | undefined] {
  const at = path.lastIndexOf('@')
  return at <= 0 || path[at - 1] === '/' ? [path, undefined] : [path.slice(0, at), path.slice(at + 1)]
}

function readQualifiers(text: string): Record<string, string> {
  const qualifiers = new Map<string, string>()
  for (const pair of text.split('&').filter(Boolean)) {
    const equals = pair.indexOf('=')
    const key = (equals < 0 ? pair : pair.slice(0, equals)).toLowerCase()
    if (qualifiers.has(key)) throw purlError('purl.malformed', 'a qualifier is there twice')
    qualifiers.set(key, equals < 0 ? '' : decoded(pair.slice(equals + 1)))
  }
  return Object.fromEntries(qualifiers)
}

function readSubpath(text: string): string {
  const segments = text.split('/').map(decoded)
  return segments.filter((segment) => segment !== '' && segment !== '.' && segment !== '..').join('/')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw purlError('purl.malformed', 'it has a percent sign that begins no character', { cause })
  }
}

/** Everything but letters, digits and `.-_~:` is percent-encoded. */
function encoded(text: string): string {
  const strict = encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return strict.replaceAll('%3A', ':')
}
