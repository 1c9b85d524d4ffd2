import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type CallInput, type CallReply, call } from '@countersign/local/calls/call.ts'
import type { Route } from '@countersign/protocol/api/route.ts'
import { freePort } from '../../support/freePort.ts'
import type { PageVisitor } from '../../support/pageVisitor.ts'
import { deviceToken } from '../../support/people.ts'
import { countersignValidator } from '../../support/programs.ts'
import { mustRun } from '../../support/runProgram.ts'
import type { Instance } from '../../support/startInstance.ts'
import type { Client } from './client.ts'
import { type LyingMirror, openLyingMirror } from './lyingMirror.ts'
import { type Parts, pauseScheduledWork, signIn, startEnding, trustIn } from './parts.ts'
import { type Files, installPackages, packed, productFiles } from './product.ts'
import { type Api, certify, sha256, signBundle } from './signing.ts'

/** Who signs and submits at the delivering instance. */
export const DORA = 'dora@example.org'

/** The instance that certifies and delivers: its validator runs beside it, a mirror stands in front of its plain listener. */
export interface Delivery extends Api {
  readonly instance: Instance
  /** Holds `data`, with the validator's folder in it, and the key file beside it. */
  readonly folder: string
  readonly keyFile: string
  readonly validatorFolder: string
  readonly mirror: LyingMirror
  /** A machine that trusts it. */
  readonly client: Client
  /** A browser in which Dora is signed in. */
  readonly browser: PageVisitor
  /** An identity token of Dora, and a file that holds it: good for five minutes after `renewToken`. */
  token: string
  readonly tokenFile: string
  /** Packages of the registry as npm installs them, by what is asked for. */
  readonly packages: Readonly<Record<'ms@2.0.0' | 'ms@2.1.3', Files>>
  /** What its operator does. */
  admin<R extends Route>(route: R, input: CallInput): Promise<CallReply<R>>
}

/** Starts and fills it. */
export async function openDelivery({ folder, clients, ending }: Parts): Promise<Delivery> {
  const own = path.join(folder, 'delivery')
  mkdirSync(own)
  const keyFile = path.join(own, 'key')
  const [port, httpPort, innerPort] = [await freePort(), await freePort(), await freePort()]
  const mirror = await openLyingMirror(httpPort, innerPort)
  ending.defer(() => mirror.close())
  const dataFolder = path.join(own, 'data')
  const addresses = ['--listen-http', `127.0.0.1:${innerPort}`]
  const starting = startEnding(ending, {
    ...{ dataFolder, port, httpPort, validator: true },
    arguments: [...addresses, '--first-person', DORA, '--key-file', keyFile],
  })
  const [instance, older, newer] = await Promise.all([
    starting,
    installPackages(path.join(folder, 'ms-2.0.0'), { ms: '2.0.0' }),
    installPackages(path.join(folder, 'ms-2.1.3'), { ms: '2.1.3' }),
  ])
  const { client, ca } = await trustIn(instance, clients.make('dora'))
  const { browser, token } = await signIn(instance, ca)
  await pauseScheduledWork(instance)
  const tokenFile = path.join(folder, 'token-of-dora')
  writeFileSync(tokenFile, token, { mode: 0o600 })
  const { publicUrl } = instance
  const socketPath = path.join(dataFolder, 'admin.sock')
  return {
    ...{ publicUrl, ca, instance, folder: own, keyFile, validatorFolder: path.join(dataFolder, 'validator') },
    ...{ mirror, client, browser, token, tokenFile, packages: { 'ms@2.0.0': older, 'ms@2.1.3': newer } },
    admin: (route, input) => call({ socketPath }, route, input),
  }
}

/** Signs Dora in again. To be called by each group before it signs or submits. */
export async function renewToken(delivery: Delivery): Promise<void> {
  const { publicUrl, browser, ca, tokenFile } = delivery
  const { id_token: token } = await deviceToken(`${publicUrl}/oidc`, browser, ca)
  delivery.token = token
  writeFileSync(tokenFile, token, { mode: 0o600 })
}

/** Writes artifacts with sound signatures of Dora beside them. Her certificate is of now, so it does for ten minutes. */
export async function openSigner(delivery: Delivery): Promise<(file: string, bytes: Uint8Array) => Promise<void>> {
  const key = await certify(delivery, delivery.token, DORA)
  return async (file, bytes) => {
    writeFileSync(file, bytes)
    writeFileSync(`${file}.sigstore.json`, await signBundle(delivery, bytes, key))
  }
}

/** The words of `countersign submit` for `file`. */
export function submission({ tokenFile }: Delivery, file: string, ...more: readonly string[]): readonly string[] {
  return ['submit', file, '--wait', '--timeout', '3', '--validator', 'embedded', '--token-file', tokenFile, ...more]
}

/** A version of a product that is signed and certified. */
export interface CertifiedVersion {
  readonly file: string
  /** Of the archive, hex. */
  readonly sha256: string
}

/** Signs a version of a product and has it certified. Rejects where it is not. */
export async function certifyVersion(
  delivery: Delivery,
  file: string,
  product: string,
  version: string,
  packages: Files = delivery.packages['ms@2.1.3'],
): Promise<CertifiedVersion> {
  const bytes = packed(productFiles(packages, product, version))
  await (await openSigner(delivery))(file, bytes)
  const { code, exitCode } = await delivery.client.run(...submission(delivery, file))
  if (exitCode !== 0) throw new Error(`${product} ${version} is not certified: ${code}`)
  return { file, sha256: sha256(bytes).toHex() }
}

/** What an advisory record of the test says. */
export interface TestAdvisory {
  readonly id: string
  readonly package: string
  /** RFC 3339. */
  readonly modified: string
  /** The first version without the flaw; absent: all have it. */
  readonly fixed?: string
}

/** Writes OSV records into a folder of their own and returns its path. */
export function writeAdvisories(folder: string, name: string, ...advisories: readonly TestAdvisory[]): string {
  const place = path.join(folder, name)
  mkdirSync(place, { recursive: true })
  for (const { id, package: affected, modified, fixed } of advisories) {
    const events = [{ introduced: '0' }, ...(fixed === undefined ? [] : [{ fixed }])]
    const record = {
      ...{ schema_version: '1.7.5', id, modified, summary: 'a flaw that the test needs' },
      affected: [{ package: { ecosystem: 'npm', name: affected }, ranges: [{ type: 'SEMVER', events }] }],
      database_specific: { severity: 'HIGH' },
    }
    writeFileSync(path.join(place, `${id}.json`), JSON.stringify(record))
  }
  return place
}

/** The words of the validator's command that takes advisories over. */
export function importCommand({ validatorFolder }: Delivery, place: string): readonly string[] {
  return [...countersignValidator, 'advisories', 'import', place, '--data', validatorFolder, '--json']
}

/** Has the validator take advisories over, and resolves with the numbers of the certifications that they ended. */
export async function importAdvisories(delivery: Delivery, place: string): Promise<readonly string[]> {
  const { stdout } = await mustRun(importCommand(delivery, place))
  return (JSON.parse(stdout) as { ended: readonly string[] }).ended
}

/**
 * All advisories as of today, which reach nothing: from now on there is something that can be certified. Those that were known
 * before are among them, because a few records alone say nothing of how new the data is.
 */
export async function importNews(delivery: Delivery, folder: string): Promise<void> {
  const modified = new Date().toISOString()
  const known = { id: 'TEST-0001', package: 'nothing-of-this-test', modified }
  const news = { id: 'TEST-0002', package: 'ms', modified, fixed: '2.0.0' }
  await importAdvisories(delivery, writeAdvisories(folder, 'advisories-today', known, news))
}
