import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { freePort } from '../../support/freePort.ts'
import type { PageVisitor } from '../../support/pageVisitor.ts'
import type { InvitationLink } from '../../support/people.ts'
import type { Instance } from '../../support/startInstance.ts'
import { type Client, makeClients } from './client.ts'
import { type Delivery, openDelivery } from './delivery.ts'
import type { FakeClock } from './fakeClock.ts'
import { type LyingMirror, openLyingMirror } from './lyingMirror.ts'
import { type Parts, pauseScheduledWork, signIn, startEnding, trustIn } from './parts.ts'
import { type Api, type CertifiedKey, certify, signBundle } from './signing.ts'
import type { Place } from './state.ts'

/** Who signs at the production instance. */
export const ANNA = 'anna@example.org'
/** Who signs at the development instance. */
export const DEV = 'dev@example.org'
/** How far behind the clock was while the development instance was made, as `faketime -f` takes it. */
const LONG_AGO = '-2h'

/** What all rows share. */
export interface Setting extends Parts {
  readonly places: Place[]
  readonly production: Production
  readonly development: Development
  readonly delivery: Delivery
  /** Where devices lie; each has a folder of its name. */
  readonly devicesFolder: string
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
