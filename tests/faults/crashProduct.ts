import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { npmCommand } from '../../tools/npmCommand.ts'
import { mustRun } from '../support/runProgram.ts'

/** One version of the product, packed for devices. */
export interface Packed {
  readonly version: string
  readonly archive: string
  /** Hexadecimal. */
  readonly sha256: string
}

/** Of the one dependency: the version that the advisory of the replay reaches, and one that it does not. */
export type DependencyVersion = keyof typeof lockfiles

const releases = path.join(import.meta.dirname, '..', 'journeys', 'demo', 'releases')
const lockfiles = { '1.15.3': path.join(releases, '1.1.0'), '1.16.0': path.join(releases, '1.2.0') } as const
const dependency = 'follow-redirects'

/** Answers with its version and process, and does nothing else. */
const program = `import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

const version = readFileSync(new URL('version.txt', import.meta.url), 'utf8')
createServer((_request, response) => response.end(JSON.stringify({ version, pid: process.pid }))).listen(
  Number(process.env.PORT),
  '127.0.0.1',
)
`

/** Packs a version of a product with one dependency below `folder`. Its package comes from npm's cache or registry. */
export async function packProduct(folder: string, version: string, on: DependencyVersion): Promise<Packed> {
  const source = path.join(folder, version)
  mkdirSync(source, { recursive: true })
  await installInto(source, version, on)
  const start = ['node', 'serve.js']
  const manifest = {
    v: 1,
    product: 'files',
    version,
    start,
    firstParty: ['serve.js', 'version.txt'],
    stopTimeoutMs: 2000,
  }
  writeJson(path.join(source, 'countersign.json'), manifest)
  writeFileSync(path.join(source, 'serve.js'), program)
  writeFileSync(path.join(source, 'version.txt'), version)
  const archive = `${source}.tar.gz`
  const content = ['countersign.json', 'package.json', 'package-lock.json', 'serve.js', 'version.txt', 'node_modules']
  await mustRun(['tar', '-czf', archive, '-C', source, ...content])
  return { version, archive, sha256: createHash('sha256').update(readFileSync(archive)).digest('hex') }
}

/** The lockfile of the replay names the published bytes. */
async function installInto(source: string, version: string, on: DependencyVersion): Promise<void> {
  const locked = JSON.parse(readFileSync(path.join(lockfiles[on], 'package-lock.json'), 'utf8'))
  const dependencies = { [dependency]: on }
  const own = { name: 'files', version, dependencies }
  writeJson(path.join(source, 'package.json'), { ...own, private: true, type: 'module' })
  writeJson(path.join(source, 'package-lock.json'), {
    name: 'files',
    version,
    lockfileVersion: 3,
    requires: true,
    packages: { '': own, [`node_modules/${dependency}`]: locked.packages[`node_modules/${dependency}`] },
  })
  if (existsSync(path.join(source, 'node_modules'))) return
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
  await mustRun([...npmCommand, 'ci', ...quiet], { cwd: source, timeoutMs: 300_000 })
}

/** An advisory that reaches the dependency below `fixed`, as a folder to import; it is newer than every one before. */
export function writeAdvisory(
  folder: string,
  { fixed, severity }: { fixed: string; severity: 'LOW' | 'HIGH' },
): string {
  const base = path.join(
    import.meta.dirname,
    '..',
    'journeys',
    'demo',
    'advisories',
    'recall',
    'GHSA-jchw-25xp-jwwc.json',
  )
  const { severity: _vector, ...record } = JSON.parse(readFileSync(base, 'utf8'))
  const id = severity === 'LOW' ? 'GHSA-2222-3333-4444' : record.id
  const [affected] = record.affected
  const ranges = [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed }] }]
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'SAMPLE'), 'Written for a test.\n')
  writeJson(path.join(folder, `${id}.json`), {
    ...record,
    id,
    ...(severity === 'LOW' && { aliases: [] }),
    modified: new Date().toISOString(),
    affected: [{ ...affected, ranges }],
    database_specific: { severity },
  })
  return folder
}

/** A catalogue of known exploited vulnerabilities in the form that CISA publishes, as a file to import. */
export function writeKnownExploited(file: string): string {
  const day = new Date().toISOString().slice(0, 10)
  const vulnerability = {
    cveID: 'CVE-2023-26159',
    vendorProject: 'follow-redirects',
    product: 'follow-redirects',
    vulnerabilityName: 'Written for a test',
    dateAdded: day,
    shortDescription: 'Written for a test.',
    requiredAction: 'None.',
    dueDate: day,
    knownRansomwareCampaignUse: 'Unknown',
    notes: '',
  }
  const facts = { title: 'Written for a test', catalogVersion: day, dateReleased: new Date().toISOString(), count: 1 }
  writeJson(file, { ...facts, vulnerabilities: [vulnerability] })
  return file
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)
}
