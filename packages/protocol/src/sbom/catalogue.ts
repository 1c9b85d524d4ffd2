import type { JsonValue } from '../json/canonicalJson.ts'
import { type JsonObject, jsonFields } from '../statement/jsonFields.ts'
import { sbomError } from './errors.ts'

/** The one version of the form. */
export const CATALOGUE_VERSION = 1

/**
 * How a component is known. `content`: its files equal the published package by digest; `installed metadata`: the package
 * manager's own record beside its files; `declared`: a lockfile names it, nothing shows that it is there.
 */
export type Evidence = 'content' | 'installed metadata' | 'declared'

/** One component of one artifact. The same package twice in an artifact is two components. */
export interface CatalogueComponent {
  /** Unique in its catalogue and never empty: the install path or the key in the lockfile. */
  readonly id: string
  /** Package URL with version; without one where the version is unknown. */
  readonly purl: string
  /** As OSV names it, with its suffix where it has one: `npm`, `Debian:12`. Empty: unknown. */
  readonly ecosystem: string
  /** As OSV names it: `@scope/name`. */
  readonly name: string
  /** Empty: unknown. */
  readonly version: string
  readonly evidence: Evidence
  /** Of the published package, as the lockfile has it: `sha512-…`. */
  readonly integrity?: string
  /** How many files of the artifact belong to it. */
  readonly files: number
  /** Paths whose content differs from the published package. */
  readonly altered?: readonly string[]
}

/** What could not be read or attributed, where, and what would close the gap. A catalogue with gaps is never clean. */
export interface Gap {
  /** `gap.<what>`; the codes are the inspector's. */
  readonly code: string
  /** In the artifact; empty: the artifact itself. */
  readonly path: string
  readonly detail: string
  readonly closedBy: string
}

/** What the artifact says of itself; `parseManifest` reads it from the artifact. */
export interface CatalogueManifest {
  readonly product: string
  readonly version: string
  readonly start: readonly string[]
  readonly firstParty: readonly string[]
  readonly stopTimeoutMs: number
}

/** What one inspector found in one artifact: facts of these bytes, without any advisory. */
export interface Catalogue {
  readonly v: typeof CATALOGUE_VERSION
  /** `sha256`: lower-case hex. */
  readonly artifact: { readonly sha256: string; readonly sizeBytes: number }
  readonly manifest?: CatalogueManifest
  readonly components: readonly CatalogueComponent[]
  /** Who needs whom, by component id; `''` is the artifact itself. At most one entry for each `from`. */
  readonly dependencies: readonly { readonly from: string; readonly to: readonly string[] }[]
  readonly gaps: readonly Gap[]
  readonly scanner: { readonly name: string; readonly version: string }
}

/** Largest JSON of a catalogue that is read, in bytes. */
export const MAX_CATALOGUE_BYTES: number = 64 * 1024 * 1024
/** Most components of one catalogue. */
export const MAX_COMPONENTS = 100_000
/** Most gaps of one catalogue; an inspector that finds more says so in the last one. */
export const MAX_GAPS = 10_000
const MAX_EDGES = 1_000_000
const MAX_PATH = 1024
const MAX_ALTERED = 1000
const EVIDENCE: readonly Evidence[] = ['content', 'installed metadata', 'declared']
const read = jsonFields(malformed)

/**
 * Reads a catalogue that a restricted process handed over or that was kept: closed fields, limits on every list and text,
 * ids unique, dependencies only between components that are there. Trusts nobody and proves nothing about the artifact.
 * Throws `sbom.catalogue-version`, `sbom.catalogue-malformed`.
 */
export function readCatalogue(json: JsonValue): Catalogue {
  if (read.object(json, 'the catalogue').v !== CATALOGUE_VERSION) {
    throw sbomError('sbom.catalogue-version', `the catalogue is not of version ${CATALOGUE_VERSION}`)
  }
  const fields = ['v', 'artifact', 'manifest', 'components', 'dependencies', 'gaps', 'scanner']
  const catalogue = read.closed(json, 'the catalogue', fields)
  const artifact = read.closed(catalogue.artifact, 'artifact', ['sha256', 'sizeBytes'])
  const components = read.list(catalogue.components, 'components', { max: MAX_COMPONENTS }, readComponent)
  const scanner = read.closed(catalogue.scanner, 'scanner', ['name', 'version'])
  return {
    v: CATALOGUE_VERSION,
    artifact: {
      sha256: read.sha256(artifact.sha256, 'artifact.sha256'),
      sizeBytes: read.count(artifact.sizeBytes, 'artifact.sizeBytes'),
    },
    ...(catalogue.manifest === undefined ? {} : { manifest: readManifest(catalogue.manifest) }),
    components,
    dependencies: readDependencies(catalogue.dependencies, idsOf(components)),
    gaps: read.list(catalogue.gaps, 'gaps', { max: MAX_GAPS }, readGap),
    scanner: {
      name: read.text(scanner.name, 'scanner.name', { max: 128 }),
      version: read.text(scanner.version, 'scanner.version', { max: 64 }),
    },
  }
}

function readManifest(json: JsonValue): CatalogueManifest {
  const fields = read.closed(json, 'manifest', ['product', 'version', 'start', 'firstParty', 'stopTimeoutMs'])
  const texts = (value: JsonValue | undefined, what: string) =>
    read.list(value, what, { max: 256 }, (one, at) => read.text(one, at, { min: 0, max: 4096 }))
  return {
    product: read.name(fields.product, 'manifest.product'),
    version: read.name(fields.version, 'manifest.version'),
    start: texts(fields.start, 'manifest.start'),
    firstParty: texts(fields.firstParty, 'manifest.firstParty'),
    stopTimeoutMs: read.count(fields.stopTimeoutMs, 'manifest.stopTimeoutMs'),
  }
}

function readComponent(json: JsonValue, what: string): CatalogueComponent {
  const names = ['id', 'purl', 'ecosystem', 'name', 'version', 'evidence', 'integrity', 'files', 'altered']
  const fields = read.closed(json, what, names)
  return {
    id: read.text(fields.id, `${what}.id`, { max: MAX_PATH }),
    purl: read.text(fields.purl, `${what}.purl`, { max: 512, pattern: /^pkg:/ }),
    ecosystem: read.text(fields.ecosystem, `${what}.ecosystem`, { min: 0, max: 128 }),
    name: read.text(fields.name, `${what}.name`, { max: 256 }),
    version: read.text(fields.version, `${what}.version`, { min: 0, max: 256 }),
    evidence: readEvidence(fields, what),
    ...(fields.integrity === undefined
      ? {}
      : { integrity: read.text(fields.integrity, `${what}.integrity`, { max: 512 }) }),
    files: read.count(fields.files, `${what}.files`),
    ...(fields.altered === undefined ? {} : { altered: readAltered(fields.altered, `${what}.altered`) }),
  }
}

function readEvidence({ evidence }: JsonObject, what: string): Evidence {
  const known = EVIDENCE.find((one) => one === evidence)
  if (known === undefined) throw malformed(`${what}.evidence is none of: ${EVIDENCE.join(', ')}`)
  return known
}

function readAltered(json: JsonValue, what: string): string[] {
  return read.list(json, what, { max: MAX_ALTERED }, (path, at) => read.text(path, at, { max: MAX_PATH }))
}

function readGap(json: JsonValue, what: string): Gap {
  const { code, path, detail, closedBy } = read.closed(json, what, ['code', 'path', 'detail', 'closedBy'])
  return {
    code: read.text(code, `${what}.code`, { max: 80, pattern: /^gap\.[a-z0-9-]+$/ }),
    path: read.text(path, `${what}.path`, { min: 0, max: MAX_PATH }),
    detail: read.text(detail, `${what}.detail`, { min: 0, max: 1024 }),
    closedBy: read.text(closedBy, `${what}.closedBy`, { min: 0, max: 512 }),
  }
}

function idsOf(components: readonly CatalogueComponent[]): Set<string> {
  const ids = new Set<string>()
  for (const { id } of components) {
    if (ids.has(id)) throw malformed(`two components have the id ${JSON.stringify(id.slice(0, 80))}`)
    ids.add(id)
  }
  return ids
}

function readDependencies(json: JsonValue | undefined, ids: ReadonlySet<string>): Catalogue['dependencies'] {
  let edges = 0
  const seen = new Set<string>()
  return read.list(json, 'dependencies', { max: MAX_COMPONENTS + 1 }, (one, what) => {
    const fields = read.closed(one, what, ['from', 'to'])
    const from = read.text(fields.from, `${what}.from`, { min: 0, max: MAX_PATH })
    if ((from !== '' && !ids.has(from)) || seen.has(from))
      throw malformed(`${what}.from is unknown or was there before`)
    seen.add(from)
    const to = read.list(fields.to, `${what}.to`, { max: MAX_COMPONENTS }, (id, at) => {
      const text = read.text(id, at, { max: MAX_PATH })
      if (!ids.has(text)) throw malformed(`${at} names no component`)
      return text
    })
    edges += to.length
    if (edges > MAX_EDGES) throw malformed(`there are more than ${MAX_EDGES} dependencies`)
    return { from, to }
  })
}

function malformed(message: string) {
  return sbomError('sbom.catalogue-malformed', message)
}
