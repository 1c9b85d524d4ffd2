import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { npmCommand } from '../../tools/npmCommand.ts'
import { mustRun } from '../support/runProgram.ts'

/** What is packed: a program of a few lines with one dependency. */
export interface ProductSpec {
  /** `files` where not given. */
  readonly product?: string
  readonly version: string
  /** Version of its one dependency, `follow-redirects`: 1.15.3 has the finding of the demo, 1.16.0 has none. */
  readonly dependency?: '1.15.3' | '1.16.0'
}

/** An archive that a device can run. */
export interface PackedProduct {
  readonly product: string
  readonly version: string
  readonly archive: string
  readonly sha256: string
}

const lockfiles = path.join(import.meta.dirname, '..', 'journeys', 'demo', 'releases')

/** Packs a product that answers every request with its name and version. Its dependency comes from the npm registry or npm's cache. */
export async function packProduct(
  folder: string,
  { product = 'files', version, dependency = '1.16.0' }: ProductSpec,
): Promise<PackedProduct> {
  const source = path.join(folder, `${product}-${version}`)
  mkdirSync(source, { recursive: true })
  const about = { name: product, version, dependencies: { 'follow-redirects': dependency } }
  const locked = { '': about, 'node_modules/follow-redirects': lockedDependency(dependency) }
  const lockfile = { name: product, version, lockfileVersion: 3, requires: true, packages: locked }
  const files = {
    'countersign.json': JSON.stringify({
      ...{ v: 1, product, version, stopTimeoutMs: 2000 },
      ...{ start: ['node', 'server.js', `\${PORT}`], firstParty: ['server.js'] },
    }),
    'package.json': JSON.stringify(about),
    'package-lock.json': JSON.stringify(lockfile),
    'server.js': `require('node:http').createServer((_, reply) => reply.end('${product} ${version}\\n')).listen(Number(process.argv[2]), '127.0.0.1')\n`,
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(source, name), content)
  await mustRun([...npmCommand, 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: source })
  const archive = `${source}.tar.gz`
  await mustRun(['tar', '-czf', archive, '-C', source, ...Object.keys(files), 'node_modules'])
  return { product, version, archive, sha256: createHash('sha256').update(readFileSync(archive)).digest('hex') }
}

/** The demo's own lockfiles pin both versions by integrity. */
function lockedDependency(version: string): object {
  const release = version === '1.15.3' ? '1.1.0' : '1.2.0'
  const { packages } = JSON.parse(readFileSync(path.join(lockfiles, release, 'package-lock.json'), 'utf8'))
  const locked = packages['node_modules/follow-redirects']
  if (locked?.version !== version) throw new Error(`the demo's lockfiles do not pin follow-redirects ${version}`)
  return locked
}
