import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { freePort } from '../../support/freePort.ts'
import { PageVisitor } from '../../support/pageVisitor.ts'
import { deviceToken, type InvitationLink, redeemInvitation } from '../../support/people.ts'
import { countersign } from '../../support/programs.ts'
import { mustRun } from '../../support/runProgram.ts'
import { type Instance, type InstanceOptions, startInstance } from '../../support/startInstance.ts'
import { type Client, type Clients, makeClients } from './client.ts'
import { type Delivery, openDelivery } from './delivery.ts'
import type { FakeClock } from './fakeClock.ts'
import { type LyingMirror, openLyingMirror } from './lyingMirror.ts'
import { type Api, type CertifiedKey, certify, signBundle } from './signing.ts'
import type { Place } from './state.ts'

/** Who signs at the production instance. */
export const ANNA = 'anna@example.org'
/** Who signs at the development instance. */
export const DEV = 'dev@example.org'
/** How far behind the clock was while the development instance was made, as `faketime -f` takes it. */
const LONG_AGO = '-2h'

/** What all rows share. */
export interface Setting {
  /** For files that are put in; not state. */
  readonly folder: string
  readonly places: Place[]
  readonly clients: Clients
  readonly fakeClock: FakeClock
  readonly production: Production
  readonly development: Development
  readonly delivery: Delivery
  /** Where devices lie; each has a folder of its name. */
  readonly devicesFolder: string
  /** Ends everything that was started, in reverse; also used by rows that start something. */
  readonly ending: AsyncDisposableStack
}

/** The production instance: under a host name, with a mirror in front of its plain listener, scheduled work paused. */
export interface Production extends Api {
  readonly instance: Instance
  /** Holds `data` and the secret files beside it. */
  readonly folder: string
  readonly keyFile: string
  readonly passphraseFile: string
  readonly mirror: LyingMirror
  /** A machine that trusts it and knows its newest checkpoints. */
  readonly client: Client
  /** A browser in which Anna is signed in. */
  readonly browser: PageVisitor
  /** A sound identity token of Anna. */
  readonly token: string
  readonly ticket: string
  /** The policy that it distributes. */
  readonly policy: string
}

/** The development instance: made two hours ago, stopped until `start`. */
export interface Development extends Api {
  readonly folder: string
  readonly dataFolder: string
  /** A machine that trusts it. */
  readonly client: Client
  readonly ticket: string
  /** A sound bundle of two hours ago, over `artifact`. */
  readonly bundle: string
  readonly artifact: Uint8Array
  /** Whose certificate expired long ago. */
  readonly expiredKey: CertifiedKey
  /** Nobody has used it, and its hour is over. */
  readonly expiredInvitation: InvitationLink
  /** Starts it at today's time, scheduled work paused. */
  start(): Promise<Instance>
}

/** Starts and fills what the rows need. Everything that has to be ended is on `ending` as soon as it exists. */
export async function openSetting(
  folder: string,
  { hostName, fakeClock, ending }: { hostName: string; fakeClock: FakeClock; ending: AsyncDisposableStack },
): Promise<Setting> {
  const clients = makeClients(path.join(folder, 'clients'), fakeClock)
  const parts = { folder, clients, fakeClock, ending }
  const opening = [openProduction(parts, hostName), makeDevelopment(parts), openDelivery(parts)] as const
  // Where one fails, the other is waited for as well, so that nothing starts after the cleaning.
  await Promise.allSettled(opening)
  const [production, development, delivery] = await Promise.all(opening)
  const devicesFolder = path.join(folder, 'devices')
  const places: Place[] = [
    { name: 'production', folder: production.folder, kind: 'instance' },
    { name: 'development', folder: development.folder, kind: 'instance' },
    { name: 'delivery', folder: delivery.folder, kind: 'instance' },
    { name: 'validator', folder: delivery.validatorFolder, kind: 'validator' },
    { name: 'devices', folder: devicesFolder, kind: 'devices' },
    clients.place,
    { name: 'elsewhere', folder: path.join(folder, 'elsewhere'), kind: 'client' },
  ]
  return { ...parts, places, production, development, delivery, devicesFolder }
}

/** What there is before any instance. */
export type Parts = Pick<Setting, 'folder' | 'clients' | 'fakeClock' | 'ending'>

async function openProduction({ folder, clients, ending }: Parts, hostName: string): Promise<Production> {
  const own = path.join(folder, 'production')
  mkdirSync(own)
  const [keyFile, passphraseFile] = [path.join(own, 'key'), path.join(own, 'root-passphrase')]
  writeFileSync(passphraseFile, 'correct horse battery staple\n', { mode: 0o600 })
  const [port, httpPort, innerPort] = [await freePort(), await freePort(), await freePort()]
  const mirror = await openLyingMirror(httpPort, innerPort)
  ending.defer(() => mirror.close())
  const secrets = ['--key-file', keyFile, '--root-passphrase-file', passphraseFile]
  const instance = await startEnding(ending, {
    dataFolder: path.join(own, 'data'),
    ...{ hostName, port, httpPort },
    environment: 'production',
    arguments: ['--listen-http', `127.0.0.1:${innerPort}`, '--first-person', ANNA, ...secrets],
  })
  const { client, ca, ticket, policy } = await trustIn(instance, clients.make('anna'))
  const { browser, token } = await signIn(instance, ca)
  const { publicUrl } = instance
  const opened = { publicUrl, ca, instance, folder: own, keyFile, passphraseFile, mirror, client, browser, token }
  return { ...opened, ticket, policy }
}

async function makeDevelopment({ folder, clients, fakeClock, ending }: Parts): Promise<Development> {
  const own = path.join(folder, 'development')
  mkdirSync(own)
  const addresses = { dataFolder: path.join(own, 'data'), port: await freePort(), httpPort: await freePort() }
  const longAgo = { env: fakeClock(LONG_AGO), arguments: ['--first-person', DEV] }
  const instance = await startEnding(ending, { ...addresses, ...longAgo })
  const { client, ca, ticket } = await trustIn(instance, clients.make('dev'))
  const { token } = await signIn(instance, ca)
  const api = { publicUrl: instance.publicUrl, ca }
  const expiredKey = await certify(api, token, DEV)
  const artifact = Buffer.from('made by a development instance\n')
  const bundle = await signBundle(api, artifact, expiredKey)
  const expiredInvitation = await instance.admin<InvitationLink>('people', 'invite', 'late@example.org')
  await instance.stop()
  return {
    ...{ ...api, folder: own, dataFolder: addresses.dataFolder, client, ticket },
    ...{ bundle, artifact, expiredKey, expiredInvitation },
    async start() {
      const started = await startEnding(ending, addresses)
      await pauseScheduledWork(started)
      return started
    },
  }
}

/** Starts a server that is killed at the end at the latest. */
export async function startEnding(ending: AsyncDisposableStack, options: InstanceOptions): Promise<Instance> {
  // Three of them start at once.
  const instance = await startInstance({ startTimeoutMs: 180_000, ...options })
  // Interrupted meanwhile: nobody would end it any more.
  if (ending.disposed) await instance.kill()
  ending.defer(() => instance.kill())
  return instance
}

/** From here on nothing of an instance moves by itself. */
export async function pauseScheduledWork(instance: Instance): Promise<void> {
  const { paused } = await instance.admin<{ paused: boolean }>('jobs', 'pause')
  if (!paused) throw new Error('scheduled work was not paused')
}

/** Lets a machine trust an instance by ticket, as a person does. */
export async function trustIn(instance: Instance, client: Client) {
  const { ticket } = await instance.admin<{ ticket: string }>('ticket')
  await mustRun([...countersign, 'trust', 'add', ticket], { env: client.env })
  const anchors = await openAnchors(undefined, client.config)
  const text = (name: 'device_root.pem' | 'verification_policy.json') =>
    Buffer.from(anchors.target(name)).toString('utf8')
  return { client, ticket, ca: text('device_root.pem'), policy: text('verification_policy.json') }
}

/** Redeems the first invitation in a new browser and gets an identity token by device code. */
export async function signIn({ publicUrl, invitation }: Instance, ca: string) {
  if (invitation === undefined) throw new Error('the first serve printed no invitation')
  const browser = new PageVisitor(ca)
  await redeemInvitation(browser, invitation)
  const { id_token: token } = await deviceToken(`${publicUrl}/oidc`, browser, ca)
  return { browser, token }
}
