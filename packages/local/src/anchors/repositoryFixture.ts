import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { canonicalJson } from '@countersign/protocol/json/canonicalJson.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import { sha256Hex } from './tufMetadata.ts'
import type { RepositoryFiles, TargetName } from './verifyRepository.ts'

interface FixtureKey {
  readonly id: string
  readonly json: JsonValue
  readonly privateKey: KeyObject
}

/** Makes a signing key as TUF metadata names it: Ed25519 in hexadecimal, so that RFC 8785 is its canonical form too. */
export function fixtureKey(): FixtureKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex')
  const json = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: raw } }
  return { id: sha256Hex(canonicalJson(json)), json, privateKey }
}

/** What a test repository holds; versions and expiries are what tests turn. */
export interface RepositorySpec {
  readonly rootKeys: readonly FixtureKey[]
  readonly onlineKey: FixtureKey
  readonly version: number
  readonly expires: { readonly root: Date; readonly timestamp: Date; readonly targets: Date }
  readonly files?: Partial<Record<TargetName, Uint8Array>>
  /** Further targets by name; a server has to be given their bytes with `TufServer.addTarget`. */
  readonly others?: Readonly<Record<string, Uint8Array>>
}

const text = (value: string) => new Uint8Array(Buffer.from(value))

/** A repository of test keys that is good until `expires`. One root version for each key of `rootKeys`. */
export function fixtureRepository(spec: RepositorySpec): RepositoryFiles {
  const { rootKeys, onlineKey, version, expires } = spec
  const files = {
    'trusted_root.json': text('{"none":true}'),
    'signing_config.v0.2.json': text('{}'),
    'verification_policy.json': text(JSON.stringify(testPolicy())),
    'device_root.pem': text('-----BEGIN CERTIFICATE-----\n'),
    ...spec.files,
  }
  const roots = rootKeys.map((key, index) => {
    const before = rootKeys[index - 1]
    return signed(rootJson(index + 1, key, onlineKey, expires.root), before === undefined ? [key] : [before, key])
  })
  const listed = Object.entries({ ...files, ...spec.others }).map(([name, bytes]) => [name, fileJson(bytes)])
  const targets = signed({ ...base('targets', version, expires.targets), targets: Object.fromEntries(listed) }, [
    onlineKey,
  ])
  const snapshot = signed(
    { ...base('snapshot', version, expires.targets), meta: { 'targets.json': { version, ...fileJson(targets) } } },
    [onlineKey],
  )
  const timestamp = signed(
    { ...base('timestamp', version, expires.timestamp), meta: { 'snapshot.json': { version, ...fileJson(snapshot) } } },
    [onlineKey],
  )
  return { roots, timestamp, snapshot, targets, files }
}

/** A default specification around `now`. */
export function fixtureSpec(now: Date, changes: Partial<RepositorySpec> = {}): RepositorySpec {
  const inDays = (days: number) => new Date(now.getTime() + days * 86_400_000)
  return {
    rootKeys: [fixtureKey()],
    onlineKey: fixtureKey(),
    version: 1,
    expires: { root: inDays(365), timestamp: inDays(2), targets: inDays(90) },
    ...changes,
  }
}

/** The plain listener of an instance, as far as TUF goes. `files` may be exchanged while it runs. */
export class TufServer {
  files = new Map<string, Uint8Array>()
  /** Added to the `Date` header. */
  clockOffsetMs = 0
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<TufServer> {
    const server = createServer((request, reply) => {
      const bytes = self.files.get((request.url ?? '').replace('/tuf/', ''))
      reply.setHeader('date', new Date(Date.now() + self.clockOffsetMs).toUTCString())
      reply.writeHead(bytes === undefined ? 404 : 200)
      reply.end(bytes)
    })
    const self = new TufServer(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return self
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  serve(repository: RepositoryFiles): void {
    const { roots, timestamp, snapshot, targets, files } = repository
    const version = JSON.parse(Buffer.from(targets).toString()).signed.version
    this.files = new Map([
      ...roots.map((bytes, index) => [`${index + 1}.root.json`, bytes] as const),
      ['timestamp.json', timestamp],
      [`${version}.snapshot.json`, snapshot],
      [`${version}.targets.json`, targets],
      ...Object.entries(files).map(([name, bytes]) => [`targets/${sha256Hex(bytes)}.${name}`, bytes] as const),
    ])
  }

  /** Serves `bytes` where a client looks for the target `name` (TUF 1.0, 5.7.3). */
  addTarget(name: string, bytes: Uint8Array): void {
    const slash = name.lastIndexOf('/') + 1
    this.files.set(`targets/${name.slice(0, slash)}${sha256Hex(bytes)}.${name.slice(slash)}`, bytes)
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

function base(role: string, version: number, expires: Date) {
  return { _type: role, spec_version: '1.0.31', version, expires: expires.toISOString().replace(/\.\d{3}Z$/, 'Z') }
}

function rootJson(version: number, rootKey: FixtureKey, onlineKey: FixtureKey, expires: Date) {
  const online = { keyids: [onlineKey.id], threshold: 1 }
  return {
    ...base('root', version, expires),
    consistent_snapshot: true,
    keys: { [rootKey.id]: rootKey.json, [onlineKey.id]: onlineKey.json },
    roles: { root: { keyids: [rootKey.id], threshold: 1 }, targets: online, snapshot: online, timestamp: online },
  }
}

function fileJson(bytes: Uint8Array) {
  return { length: bytes.length, hashes: { sha256: sha256Hex(bytes) } }
}

function signed(content: { readonly [key: string]: JsonValue }, keys: readonly FixtureKey[]): Uint8Array {
  const signatures = keys.map(({ id, privateKey }) => ({
    keyid: id,
    sig: sign(null, canonicalJson(content), privateKey).toString('hex'),
  }))
  return text(JSON.stringify({ signatures, signed: content }))
}
