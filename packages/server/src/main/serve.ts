import { isIP } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '@countersign/local/clock/clock.ts'
import type { ListenAddress } from '@countersign/platform/http/listen.ts'
import { startJobs } from '@countersign/platform/jobs/jobs.ts'
import { createLogger, type Logger } from '@countersign/platform/telemetry/logger.ts'
import { invitePerson } from '../account/people/invitePerson.ts'
import { embeddedTicket, mayRunEmbedded } from '../compose/embeddedTicket.ts'
import { type EmbeddedValidator, startEmbeddedValidator, type ValidatorReady } from '../compose/embeddedValidator.ts'
import { createListeners, listen, openTls, type TlsSource } from '../compose/listeners.ts'
import { type Instance, openInstance } from '../compose/openInstance.ts'
import { readFleetStatus, validatorProtections } from '../fleet/readFleetStatus.ts'
import { handleEvents, scheduledWork } from '../flow.ts'
import { instanceError } from '../instance/errors.ts'
import { describePermanent, type InstanceFacts } from '../instance/facts.ts'
import { instanceExpiries } from '../instance/instanceExpiries.ts'
import { firstRootHash } from '../trust/anchors/openAnchors.ts'
import { ADMIN_SOCKET } from './callAdmin.ts'
import { readRootPassphrase, readWrappingKey } from './keyMaterial.ts'
import { printJson, printLine } from './print.ts'
import { askSecret, askText, askYes } from './prompts.ts'

/** Options of `countersign-server serve`. */
export interface ServeOptions {
  readonly data: string
  readonly publicUrl?: string
  readonly publicHttpUrl?: string
  readonly environment?: string
  readonly port?: number
  readonly httpPort?: number
  readonly listen?: string
  readonly listenHttp?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly keyFile?: string
  readonly rootPassphraseFile?: string
  readonly firstPerson?: string
  /** False: no validator runs beside it. */
  readonly validator?: boolean
  /** Lets it run in production although nothing confines its inspector. */
  readonly allowUnprotected?: boolean
  readonly yes?: boolean
  readonly json?: boolean
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug'
  readonly version: string
}

/** The own TLS certificate is renewed when less than this is left of its 90 days. */
const RENEW_TLS_DAYS = 30

/** `countersign-server serve`: runs until SIGTERM or SIGINT (0), or until an invariant fails (70). */
export async function serve(options: ServeOptions): Promise<number> {
  const logger = createLogger({ level: options.logLevel, name: 'countersign-server' })
  const { ended, end } = untilEnd()
  const tlsSource = readTlsSource(options)
  refuseWrongSockets(options)
  const keys: { wrapping?: Uint8Array } = {}
  const instance = await open(options, logger, end, keys)
  try {
    const startValidator = () => startValidatorBeside(options, instance, logger, keys.wrapping)
    return await run(options, instance, { logger, tlsSource, ended, end, startValidator })
  } finally {
    await instance.close()
  }
}

interface Running {
  readonly logger: Logger
  readonly tlsSource: TlsSource
  /** Resolves with the exit code once the process should end. */
  readonly ended: Promise<number>
  /** Asks the process to end with this exit code. */
  end(code: number): void
  /** Starts the embedded validator, where there is to be one. */
  startValidator(): Promise<EmbeddedValidator | undefined>
}

async function run(
  options: ServeOptions,
  instance: Instance,
  { logger, tlsSource, ended, end, startValidator }: Running,
): Promise<number> {
  const { facts, folder, logs, audit, account, trust, storage } = instance
  const clock = systemClock
  let tls = await openTls(instance, clock, tlsSource)
  const rootHash = await firstRootHash(storage.blobs)
  const jobs = startJobs({
    // Nothing is renewed or signed before the sockets are ours.
    paused: true,
    clock,
    logger,
    jobs: scheduledWork({
      logs: Object.values(logs),
      audit,
      anchors: trust.anchors,
      floor: trust.timestamps.floor,
      sweepAccounts: account.sweep,
      compareCertificateLog: () => compareCertificateLog(instance),
      publishCrls: trust.publishCrls,
      finishRevocations: instance.revocations.finish,
      tidyFleet: instance.fleet.tidy,
      removeUnsubmitted: instance.removeUnsubmitted,
      renewTimestampSigner: instance.renewTimestampSigner,
      renewTls: async () => {
        const daysLeft = (tls.notAfter.getTime() - clock.now().getTime()) / 86_400_000
        if (tlsSource === 'device-root' && daysLeft > RENEW_TLS_DAYS) return
        tls = await openTls(instance, clock, tlsSource)
        listeners.https.setTls(tls.credentials)
      },
    }),
  })
  const listeners = createListeners(instance, {
    logger,
    tls: tls.credentials,
    broken: () => end(70),
    routes: {
      status: {
        facts,
        version: options.version,
        startedAt: clock.now(),
        dataFolder: folder,
        clock,
        logs: Object.values(logs),
        jobs,
        expiries: () => instanceExpiries(trust, tls.notAfter),
        protections: async () => [...protections(tlsSource), ...(await validatorProtections(storage))],
        fleet: () => readFleetStatus(instance.fleet),
        unrecorded: () => trust.unrecordedCertifications(),
      },
      tickets: { facts, clock, audit, rootHash },
      policy: { facts, audit, anchors: trust.anchors, blobs: storage.blobs },
      jobs,
      audit,
    },
  })
  handleEvents(instance.outbox, { audit, publishCrls: trust.publishCrls })
  instance.outbox.start()
  let validator: EmbeddedValidator | undefined
  try {
    await listen(listeners, { folder, socketName: ADMIN_SOCKET, ...sockets(options, facts) })
    jobs.resume()
    // Only now there is somebody who answers it.
    validator = await startValidator()
    await announce(options, instance, await Promise.race([validator?.ready, ended.then(() => undefined)]))
    return await ended
  } finally {
    await validator?.stop()
    await jobs.stop()
    await instance.outbox.stop()
    for (const listener of Object.values(listeners)) await listener.close()
  }
}

/** A certificate that is logged and that nobody here intended is revoked by now; the audit trail says so too. */
async function compareCertificateLog({ trust, audit }: Instance): Promise<void> {
  for (const found of await trust.revokeUnrecorded()) {
    await audit.record({ kind: 'certificate.unrecorded', actor: 'server', detail: { ...found } })
  }
}

/** The key stays with the caller as well: the embedded validator's own is derived from it. */
function open(
  options: ServeOptions,
  logger: Logger,
  end: (code: number) => void,
  keys: { wrapping?: Uint8Array },
): Promise<Instance> {
  const folder = options.data
  if (Buffer.byteLength(join(folder, ADMIN_SOCKET)) > 100) {
    throw instanceError('instance.path-too-long', `${folder} is too long`)
  }
  return openInstance({
    folder,
    requested: options,
    embeddedValidator: options.validator !== false,
    clock: systemClock,
    logger,
    confirmCreation: (facts) => confirmCreation(options, facts),
    wrappingKey: async (facts, creating) => {
      keys.wrapping = await readWrappingKey({ folder, keyFile: options.keyFile }, facts, creating)
      return keys.wrapping
    },
    rootPassphrase: (facts) =>
      readRootPassphrase(
        { folder, passphraseFile: options.rootPassphraseFile, ask: askSecret('Passphrase of the root keys') },
        facts,
      ),
    stopped: (name, error) => {
      logger.fatal({ err: error, log: name }, 'a log stopped; only a restart repairs it')
      end(70)
    },
  })
}

async function startValidatorBeside(
  options: ServeOptions,
  { folder, fleet }: Instance,
  logger: Logger,
  wrappingKey: Uint8Array | undefined,
): Promise<EmbeddedValidator | undefined> {
  if (options.validator === false || wrappingKey === undefined) return undefined
  if (!(await mayRunEmbedded(fleet))) {
    logger.warn('the embedded validator was removed and is not started; pass --no-validator to say so')
    return undefined
  }
  const { logLevel, allowUnprotected = false } = options
  const ticket = () => embeddedTicket(fleet)
  return startEmbeddedValidator({ folder, wrappingKey, logger, clock: systemClock, logLevel, allowUnprotected, ticket })
}

async function confirmCreation(options: ServeOptions, facts: InstanceFacts): Promise<void> {
  const say = (line: string) => process.stderr.write(`${line}\n`)
  say(`Creating an instance in ${options.data}. These go into certificates and log origins and can never change:`)
  for (const line of describePermanent(facts)) say(`  ${line}`)
  // A development instance on localhost binds nobody; there is nothing to think over.
  if (options.yes || new URL(facts.publicUrl).hostname === 'localhost') return
  if (!(await askYes('Create it?'))) throw instanceError('instance.not-confirmed', 'the creation was not confirmed')
}

/** Tells that the instance is ready, and hands the first invitation to whoever created it. */
async function announce(
  options: ServeOptions,
  { facts, account, created }: Instance,
  validator: ValidatorReady | undefined,
): Promise<void> {
  const email = created ? await firstPerson(options, facts) : undefined
  const invitation = email && (await invitePerson(account.people, 'operator', email))
  const { publicUrl, publicHttpUrl, environment } = facts
  if (options.json) {
    const more = { ...(invitation && { invitation }), ...(validator && { validator }) }
    return printJson({ event: 'ready', publicUrl, publicHttpUrl, environment, ...more })
  }
  printLine(`Countersign is ready: ${publicUrl} (${environment})`)
  const active = validator?.protections.filter((one) => one.active).map((one) => one.name)
  if (active) printLine(`  embedded validator, its inspector confined by: ${active.join(', ') || 'NOTHING'}`)
  else if (options.validator !== false) printLine('  the embedded validator is not ready yet; see the log')
  if (!invitation) return
  printLine(`First invitation, for ${invitation.email}, valid once until ${invitation.expires}:`)
  printLine(`  open   ${invitation.link}`)
  printLine(`  code   ${invitation.code}`)
}

async function firstPerson(options: ServeOptions, facts: InstanceFacts): Promise<string> {
  const fallback = `operator@${new URL(facts.publicUrl).hostname}`
  if (options.firstPerson !== undefined) return options.firstPerson
  return (await askText('E-mail address of the first person', fallback)) ?? fallback
}

function readTlsSource({ tlsCert, tlsKey }: ServeOptions): TlsSource {
  if (tlsCert === undefined && tlsKey === undefined) return 'device-root'
  if (tlsCert === undefined || tlsKey === undefined) {
    throw instanceError('instance.tls-incomplete', 'only one of --tls-cert and --tls-key was given')
  }
  return { certificateFile: tlsCert, keyFile: tlsKey }
}

function protections(tlsSource: TlsSource) {
  return [
    { name: 'root keys', active: true, detail: 'under a passphrase that this process does not hold' },
    { name: 'online keys', active: true, detail: 'encrypted at rest under a key outside the data folder' },
    {
      name: 'TLS',
      active: true,
      detail: tlsSource === 'device-root' ? 'by the device root' : 'by your own certificate',
    },
    { name: 'outside witness', active: false, detail: 'checkpoints carry only the built-in heartbeat: unwitnessed' },
  ]
}

function sockets(options: ServeOptions, facts: InstanceFacts): { https: ListenAddress; http: ListenAddress } {
  return {
    https: readAddress(options.listen, facts.publicUrl, 443),
    http: readAddress(options.listenHttp, facts.publicHttpUrl, 80),
  }
}

/** Refuses what `sockets` would refuse, before anything is opened. */
function refuseWrongSockets({ listen, listenHttp }: ServeOptions): void {
  for (const text of [listen, listenHttp]) readAddress(text, 'https://localhost', 443)
}

/** `host:port`, `[::1]:port` or a port; by default every interface at the URL's port, for localhost only loopback. */
function readAddress(text: string | undefined, url: string, defaultPort: number): ListenAddress {
  const { hostname, port } = new URL(url)
  if (text === undefined) {
    return { host: hostname === 'localhost' ? '127.0.0.1' : '::', port: Number(port || defaultPort) }
  }
  const match = /^(?:(?:\[(?<v6>[0-9a-f:]+)\]|(?<host>[^:\s]+)):)?(?<port>\d{1,5})$/.exec(text)
  const { v6, host = '::', port: chosen = '' } = match?.groups ?? {}
  if (match === null || Number(chosen) > 65_535 || (v6 !== undefined && isIP(v6) !== 6)) {
    throw instanceError('instance.listen-invalid', `"${text.slice(0, 100)}" is not host:port`)
  }
  return { host: v6 ?? host, port: Number(chosen) }
}

function untilEnd(): { ended: Promise<number>; end(code: number): void } {
  const { promise, resolve } = Promise.withResolvers<number>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(0))
  return { ended: promise, end: resolve }
}
