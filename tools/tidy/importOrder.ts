import { importedNames, importsOf, importTarget } from './imports.ts'
import { type Finding, findingAt, isTest, maskedOf, type Rule, type SourceFile } from './sourceText.ts'

/** Who may import whom across packages. */
const packageImports: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  local: ['protocol'],
  platform: ['protocol', 'local'],
  server: ['protocol', 'local', 'platform'],
  validator: ['protocol', 'local', 'platform'],
  agent: ['protocol', 'local'],
  cli: ['protocol', 'local'],
}

/** The only files of a package that a program may take besides `packageImports`: one verb that two programs share. */
const sharedVerbs: Readonly<Record<string, readonly string[]>> = {
  cli: ['validator/scan/scan', 'agent/run/run'],
}

/** The order inside each package: a file imports from its own entry and from entries before it. */
export const folderOrder: Readonly<Record<string, readonly string[]>> = {
  protocol: [
    'errors',
    'json',
    'der',
    'x509',
    'timestamp',
    'log',
    'bundle',
    'statement',
    'purl',
    'ordering',
    'sbom',
    'osv',
    'revocation',
    'release',
    'policy',
    'decide',
    'api',
  ],
  local: ['errors', 'clock', 'files', 'anchors', 'feed', 'calls'],
  platform: ['errors', 'config', 'telemetry', 'database', 'blobs', 'keystore', 'outbox', 'jobs', 'http'],
  server: ['log', 'account', 'trust', 'artifacts', 'fleet', 'instance', 'flow', 'compose', 'main'],
  validator: ['advisories', 'inspector', 'match', 'certify', 'watch', 'scan', 'flow', 'compose', 'main'],
  agent: ['state', 'enrol', 'releases', 'recall', 'enforce', 'run', 'loop', 'main'],
  cli: ['output', 'commands', 'main'],
}

/** The order inside a top folder. A file that lies directly in the folder may be imported by all of it. */
const innerOrder: Readonly<Record<string, readonly string[]>> = {
  'server/account': ['audit', 'identities', 'sessions', 'people'],
  'server/trust': ['authority', 'timestamping', 'revocation', 'anchors'],
}

interface Place {
  readonly package: string
  /** Below `src`, without extension. */
  readonly path: string
  readonly top: string
  /** The folder below the top folder; empty for a file directly in it. */
  readonly inner: string
}

function placeOf(path: string): Place | undefined {
  const match = /^packages\/([^/]+)\/src\/(.+)\.ts$/.exec(path)
  if (match === null) return undefined
  const parts = (match[2] ?? '').split('/')
  return {
    package: match[1] ?? '',
    path: match[2] ?? '',
    top: parts[0] ?? '',
    inner: parts.length > 2 ? (parts[1] ?? '') : '',
  }
}

function isBefore(order: readonly string[], own: string, other: string): boolean {
  return own === other || (order.includes(other) && order.indexOf(other) < order.indexOf(own))
}

function whyNot(own: Place, other: Place): string | undefined {
  if (own.package !== other.package) {
    const allowed = packageImports[own.package] ?? []
    const isShared = sharedVerbs[own.package]?.includes(`${other.package}/${other.path}`)
    return isShared || allowed.includes(other.package) ? undefined : `${own.package} must not import ${other.package}`
  }
  if (!isBefore(folderOrder[own.package] ?? [], own.top, other.top)) {
    return `${own.package}/${own.top} must not import ${other.top}, which comes later in the order`
  }
  const inner = innerOrder[`${own.package}/${own.top}`]
  if (own.top !== other.top || inner === undefined || own.inner === '' || other.inner === '') return undefined
  return isBefore(inner, own.inner, other.inner)
    ? undefined
    : `${own.top}/${own.inner} must not import ${other.inner}, which comes later in the order`
}

/** A file imports from its own folder and from what is listed before it; what tests share is for tests only. */
export const importOrder: Rule = (files) =>
  files.flatMap((file) => {
    const own = placeOf(file.path)
    if (own === undefined) return []
    if (!folderOrder[own.package]?.includes(own.top)) {
      return [findingAt(file, 0, `${own.top} has no place in the import order of ${own.package}`)]
    }
    return importsOf(file).flatMap(({ specifier, offset }) => {
      const target = importTarget(file.path, specifier)
      if (target === undefined) return []
      const other = placeOf(target)
      if (other === undefined) {
        return isTest(file.path) ? [] : [findingAt(file, offset, `${specifier} is no part of any package`)]
      }
      const reason = isTest(file.path) && own.package === other.package ? undefined : whyNot(own, other)
      return reason === undefined ? [] : [findingAt(file, offset, reason)]
    })
  })

/** No file reaches itself through its imports, types included. */
export const noCycles: Rule = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const done = new Set<string>()
  const findings: Finding[] = []
  const visit = (path: string, trail: readonly string[]) => {
    const file = byPath.get(path)
    if (file === undefined || done.has(path)) return
    for (const { specifier, offset } of importsOf(file)) {
      const target = importTarget(path, specifier)
      if (target === undefined) continue
      const loop = [...trail, path]
      if (loop.includes(target)) {
        const cycle = [...loop.slice(loop.indexOf(target)), target].join(' -> ')
        findings.push(findingAt(file, offset, `import cycle: ${cycle}`))
      } else visit(target, loop)
    }
    done.add(path)
  }
  for (const file of files) visit(file.path, [])
  return findings
}

const impure =
  /\b(?:Date\.now\s*\(|new\s+Date\s*\(\s*\)|Math\.random\s*\(|performance\.|process\.|setTimeout\s*\(|setInterval\s*\(|fetch\s*\(|getRandomValues\s*\()/g
const randomNames = [
  'randomBytes',
  'randomUUID',
  'randomInt',
  'randomFill',
  'randomFillSync',
  'generateKeyPairSync',
  'webcrypto',
  '*',
]

/** Modules from outside that compute and do nothing else, and the folders of `protocol` that may use them. */
const pureModules = [
  { name: /^zod$/, folders: /\/src\/(?:policy|api)\// },
  { name: /^@noble\/curves\//, folders: /\/src\/log\// },
]

/** `protocol` is bytes in, values out: no file, socket, clock, random source or environment. */
export const pureProtocol: Rule = (files) =>
  files
    .filter((file) => file.path.startsWith('packages/protocol/src/') && !isTest(file.path))
    .flatMap((file) => [...impureImports(file), ...impureUses(file)])

function impureImports(file: SourceFile): Finding[] {
  return importsOf(file).flatMap(({ specifier, offset, clause }) => {
    if (importTarget(file.path, specifier) !== undefined || specifier === 'node:buffer') return []
    if (pureModules.some(({ name, folders }) => name.test(specifier) && folders.test(file.path))) return []
    if (specifier !== 'node:crypto') return [findingAt(file, offset, `protocol must not import ${specifier}`)]
    const random = importedNames(clause).filter((name) => randomNames.includes(name))
    return random.map((name) => findingAt(file, offset, `protocol must not use ${name} of node:crypto`))
  })
}

function impureUses(file: SourceFile): Finding[] {
  return [...maskedOf(file).code.matchAll(impure)].map((match) =>
    findingAt(file, match.index, `protocol must not use ${match[0].replace(/\s*\($/, '')}`),
  )
}
