import { join } from 'node:path'
import cacache from 'cacache'
import { inspectorError } from './errors.ts'
import type { NpmClient } from './npmClient.ts'
import type { WantedPackage } from './publishedContents.ts'
import { fieldsOf, parseLoosely } from './readPackageJson.ts'

/** What npm has fetched before, by what the registry called it. */
export interface NpmCache {
  /** Under which integrity the registry has the package; undefined where the cache does not know. */
  integrityOf(wanted: WantedPackage): Promise<string | undefined>
  /** The same, asked of npm, which fetches the package for it. */
  askIntegrity(wanted: WantedPackage): Promise<string | undefined>
  /** The bytes with this integrity, checked by the cache; undefined where they are not there. */
  read(integrity: string): Promise<Uint8Array | undefined>
}

const SETTINGS_TIMEOUT_MS = 60_000
const ASK_TIMEOUT_MS = 120_000
const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/

/** Whether this is the SHA-512 of a package as registries name it. */
export function isIntegrity(value: unknown): value is string {
  return typeof value === 'string' && SHA512.test(value)
}

/**
 * Opens npm's cache: its place and the registries of `names` come from npm's own settings. Throws `inspector.npm-failed`.
 */
export async function openNpmCache(npm: NpmClient, cwd: string, names: readonly string[]): Promise<NpmCache> {
  const scopes = [...new Set(names.flatMap((name) => (name.startsWith('@') ? [name.split('/', 1)[0] ?? ''] : [])))]
  const keys = ['cache', 'registry', ...scopes.map((scope) => `${scope}:registry`)]
  const settings = await readSettings(npm, cwd, keys)
  const folder = join(settings.get('cache') ?? '', '_cacache')
  const registryOf = (name: string) => {
    const own = name.startsWith('@') ? settings.get(`${name.split('/', 1)[0]}:registry`) : undefined
    const registry = own ?? settings.get('registry') ?? ''
    return registry.endsWith('/') ? registry : `${registry}/`
  }
  return {
    async integrityOf({ name, version }) {
      const address = `${registryOf(name)}${name}/-/${name.slice(name.indexOf('/') + 1)}-${version}.tgz`
      const entry = await cacache.get.info(folder, `make-fetch-happen:request-cache:${address}`)
      return entry?.integrity.split(/\s+/).find(isIntegrity)
    },
    async askIntegrity({ name, version }) {
      const args = ['pack', '--dry-run', '--json', '--ignore-scripts', '--', `${name}@${version}`]
      const { status, stdout } = await npm.run(args, { cwd, timeoutMs: ASK_TIMEOUT_MS })
      const answer = status === 0 ? parseLoosely(Buffer.from(stdout)) : undefined
      const { integrity } = fieldsOf(Array.isArray(answer) ? answer[0] : Object.values(fieldsOf(answer))[0])
      return isIntegrity(integrity) ? integrity : undefined
    },
    async read(integrity) {
      try {
        return await cacache.get.byDigest(folder, integrity)
      } catch (error) {
        if (['ENOENT', 'EINTEGRITY'].includes(String((error as { code?: unknown }).code))) return undefined
        throw error
      }
    },
  }
}

async function readSettings(npm: NpmClient, cwd: string, keys: readonly string[]): Promise<Map<string, string>> {
  const { status, stdout, stderr } = await npm.run(['config', 'get', ...keys], { cwd, timeoutMs: SETTINGS_TIMEOUT_MS })
  if (status !== 0)
    throw inspectorError('inspector.npm-failed', `npm does not tell its settings: ${stderr.slice(0, 200)}`)
  return new Map(
    stdout.split('\n').flatMap((line) => {
      const equals = line.indexOf('=')
      const value = line.slice(equals + 1).trim()
      return equals > 0 && value !== 'undefined' && value !== '' ? [[line.slice(0, equals).trim(), value] as const] : []
    }),
  )
}
