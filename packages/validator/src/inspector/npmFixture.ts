import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import cacache from 'cacache'
import { type FixturePackage, packageEntries, writeTar } from './archiveFixture.ts'
import { findNpm, type NpmClient } from './npmClient.ts'
import { specOf } from './publishedContents.ts'

/** For tests: an npm of its own, with a cache and registries that have exactly the packages of the test. */
export interface PlantedNpm {
  readonly npm: NpmClient
  /** The folder in which npm's program lies, for a PATH. */
  readonly programs: string
  /** The cache as npm lays it out. */
  readonly cache: string
  /** Publishes packages; `elsewhere`: on a registry that keeps them under addresses of its own. */
  publish(packages: readonly FixturePackage[], options?: { readonly elsewhere?: boolean }): void
  /** Puts a package into the cache as npm does when it fetches one, under the address of its registry. */
  keep(one: FixturePackage, options?: { readonly registry?: string; readonly bytes?: Uint8Array }): Promise<void>
  /** The command lines that were run, oldest first. */
  asked(): string[][]
}

const REGISTRY = 'https://registry.example.org/'
const OWN_REGISTRY = 'https://packages.example.org/npm'

/** A package as its registry hands it out. */
export function publishedBytes(one: FixturePackage): Buffer {
  return gzipSync(writeTar(packageEntries(one, 'package')))
}

/** Plants npm below `folder`. Packages of the scope `@own` have a registry of their own. */
export function plantNpm(folder: string): PlantedNpm {
  const [programs, cache, shelf] = ['bin', 'npm-cache', 'shelf'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  for (const one of [programs, shelf]) mkdirSync(one, { recursive: true })
  const asked = join(folder, 'asked.txt')
  writeFileSync(asked, '')
  const script = join(folder, 'npm.js')
  const about = { cache, shelf, asked, registry: REGISTRY, ownRegistry: OWN_REGISTRY, cacache: modulePath() }
  writeFileSync(script, `const about = ${JSON.stringify(about)}\n${PROGRAM}`)
  chmodSync(script, 0o755)
  symlinkSync(script, join(programs, 'npm'))
  const store = join(cache, '_cacache')
  return {
    npm: findNpm({ execPath: join(folder, 'nowhere', 'node'), path: programs }),
    programs,
    cache,
    publish(packages, { elsewhere = false } = {}) {
      for (const one of packages) {
        const file = join(shelf, encodeURIComponent(specOf(one)))
        writeFileSync(file, publishedBytes(one))
        if (elsewhere) writeFileSync(`${file}.elsewhere`, '')
      }
    },
    async keep(one, { registry = REGISTRY, bytes = publishedBytes(one) } = {}) {
      const address = `${registry}${one.name}/-/${one.name.slice(one.name.indexOf('/') + 1)}-${one.version}.tgz`
      await cacache.put(store, `make-fetch-happen:request-cache:${address}`, bytes, { algorithms: ['sha512'] })
    },
    asked: () =>
      readFileSync(asked, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as string[]),
  }
}

function modulePath(): string {
  return fileURLToPath(import.meta.resolve('cacache'))
}

/** What npm does with the three commands that are asked of it, over files. */
const PROGRAM = `
const { appendFileSync, existsSync, readFileSync } = require('node:fs')
const { join } = require('node:path')
const cacache = require(about.cacache)
const args = process.argv.slice(2)
appendFileSync(about.asked, JSON.stringify(args) + '\\n')

async function fetchPackage(spec) {
  const at = spec.lastIndexOf('@')
  const [name, version] = [spec.slice(0, at), spec.slice(at + 1)]
  const file = join(about.shelf, encodeURIComponent(spec))
  if (!existsSync(file)) throw new Error('404 ' + spec)
  const registry = name.startsWith('@own/') ? about.ownRegistry + '/' : about.registry
  const usual = registry + name + '/-/' + name.slice(name.indexOf('/') + 1) + '-' + version + '.tgz'
  const address = existsSync(file + '.elsewhere') ? registry + 'download/' + encodeURIComponent(spec) : usual
  const key = 'make-fetch-happen:request-cache:' + address
  const store = join(about.cache, '_cacache')
  // As npm does with content that has another integrity than its name.
  const known = await cacache.get.info(store, key)
  if (known !== null) await cacache.rm.content(store, known.integrity)
  const integrity = await cacache.put(store, key, readFileSync(file), { algorithms: ['sha512'] })
  return String(integrity)
}

async function main() {
  if (args[0] === 'config') {
    const settings = { cache: about.cache, registry: about.registry, '@own:registry': about.ownRegistry }
    for (const key of args.slice(2)) console.log(key + '=' + (settings[key] ?? 'undefined'))
    return
  }
  const specs = args.slice(args.indexOf('--') + 1)
  const integrities = []
  let failed = false
  for (const spec of specs) {
    try {
      integrities.push({ id: spec, integrity: await fetchPackage(spec) })
    } catch (error) {
      console.error(error.message)
      failed = true
    }
  }
  if (args[0] === 'pack') console.log(JSON.stringify(integrities))
  if (failed) process.exitCode = 1
}
main()
`
