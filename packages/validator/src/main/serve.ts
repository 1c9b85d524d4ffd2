import { isIP } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { readBounded } from '@countersign/local/files/readBounded.ts'
import { readPassphraseFile } from '@countersign/platform/config/secretFiles.ts'
import type { HttpServer } from '@countersign/platform/http/server.ts'
import { type Jobs, startJobs } from '@countersign/platform/jobs/jobs.ts'
import { createLogger, type Logger } from '@countersign/platform/telemetry/logger.ts'
import { catalogueAgain } from '../certify/catalogueAgain.ts'
import { startWork } from '../certify/work.ts'
import { composeError } from '../compose/errors.ts'
import { createAdmin, createWebhook, type ListenerDeps, type Webhook } from '../compose/listeners.ts'
import { type OpenOptions, openValidator, type Validator } from '../compose/openValidator.ts'
import { readTold, type StatusDeps } from '../compose/readStatus.ts'
import { readValidatorFile } from '../compose/validatorFile.ts'
import { type FlowDeps, handleEvents, scheduledWork } from '../flow.ts'
import { watchError } from '../watch/errors.ts'
import { followCertificates } from '../watch/followCertificates.ts'
import { ADMIN_SOCKET } from './callValidator.ts'
import { printJson, printLine } from './print.ts'
import { readSupervisedInput } from './supervisedInput.ts'
import { waiting } from './waiting.ts'
import { readWrappingKey } from './wrappingKey.ts'

/** Options of `countersign-validator serve`. */
export interface ServeOptions {
  readonly data: string
  readonly ticketFile?: string
  readonly keyFile?: string
  readonly listen?: string
  readonly webhookSecretFile?: string
  readonly allowUnprotected?: boolean
  readonly supervised?: boolean
  readonly json?: boolean
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug'
  readonly version: string
}

const MAX_TICKET_BYTES = 8192
const MIN_SECRET_CHARACTERS = 16
const MAX_SOCKET_BYTES = 100

/** `countersign-validator serve`: runs until SIGTERM, SIGINT or the end of its supervisor (0), or until an invariant fails (70). */
export async function serve(options: ServeOptions): Promise<number> {
  const logger = createLogger({ level: options.logLevel, name: 'countersign-validator' })
  if (Buffer.byteLength(join(options.data, ADMIN_SOCKET)) > MAX_SOCKET_BYTES) {
    throw composeError('validator.path-too-long', `${options.data} is too long`)
  }
  const webhook = await readWebhook(options)
  const { ended, end } = untilEnd()
  const secrets = await readSecrets(options, end)
  const open = { folder: options.data, clock: systemClock, logger, ...secrets }
  const validator = await waiting('opening the validator', () =>
    openValidator({ ...open, allowUnprotected: options.allowUnprotected === true }),
  )
  try {
    return await run(options, validator, { logger, webhook, ended, end })
  } finally {
    await validator.close()
  }
}

interface Running {
  readonly logger: Logger
  readonly webhook: Webhook | undefined
  /** Resolves with the exit code once the process should end. */
  readonly ended: Promise<number>
  /** Asks the process to end with this exit code. */
  end(code: number): void
}

async function run(options: ServeOptions, validator: Validator, running: Running): Promise<number> {
  const { logger, webhook, ended, end } = running
  let jobs: Jobs | undefined
  const startedAt = systemClock.now()
  const status: StatusDeps = { validator, version: options.version, startedAt, clock: systemClock, jobs: () => jobs }
  const deps: ListenerDeps = { logger, status, broken: () => end(70) }
  const flow = flowDeps(validator, status)
  const listeners: HttpServer[] = []
  handleEvents(validator.outbox, flow)
  const admin = createAdmin(validator, deps)
  await admin.listen({ path: join(options.data, ADMIN_SOCKET) })
  listeners.push(admin)
  if (webhook !== undefined) {
    const server = createWebhook(validator, webhook, deps)
    await server.listen(webhook.listen)
    listeners.push(server)
  }
  // Before anything is certified the instance has the key that could end it. Where it is away, the jobs go on trying.
  await introduce(flow, logger)
  validator.outbox.start()
  jobs = startJobs({ clock: systemClock, logger, jobs: scheduledWork(flow) })
  const work = startWork(validator.certifying)
  try {
    announce(options, validator)
    return await ended
  } finally {
    await Promise.all([work.stop(), jobs.stop(), validator.outbox.stop()])
    for (const listener of listeners) await listener.close()
  }
}

async function introduce(flow: FlowDeps, logger: Logger): Promise<void> {
  try {
    await flow.putRevokerKey()
    await flow.putStatus()
  } catch (error) {
    logger.warn({ err: error }, 'the instance does not answer yet; tried again')
  }
}

function flowDeps(validator: Validator, status: StatusDeps): FlowDeps {
  const { authority, trust, revokerKey, advisories, certifying, watch } = validator
  return {
    watch,
    putStatus: async () => authority.putStatus(await readTold(status)),
    followCertificates: async (signal) => void (await followCertificates(validator.certificates, signal)),
    renewTrust: async () => void (await trust.renew()),
    renewClient: () => validator.renewClient(),
    putRevokerKey: async () => void (await authority.putRevokerKey(revokerKey.spki)),
    syncAdvisories: async () => void (await advisories.sync()),
    catalogueAgain: (signal) => catalogueAgain(certifying, watch.watched, signal),
  }
}

/** Tells that the validator is ready, and what confines its inspector. */
function announce(options: ServeOptions, { file, subject, protections, advisories }: Validator): void {
  const { records, asOf, sample } = advisories.state()
  if (options.json) {
    const { name, url } = file
    const ready = { event: 'ready', name, subject, url, protections, advisories: { records, asOf, sample } }
    printJson(ready)
    return
  }
  printLine(`Validator ${file.name} is ready: ${subject}`)
  const active = protections.filter((one) => one.active).map((one) => one.name)
  printLine(`  inspector confined by: ${active.length === 0 ? 'NOTHING' : active.join(', ')}`)
  if (records === 0) printLine('  no advisory data: nothing will be certified')
}

async function readSecrets(
  options: ServeOptions,
  end: (code: number) => void,
): Promise<Pick<OpenOptions, 'ticket' | 'wrappingKey'>> {
  if (options.supervised) {
    const { supervisorGone, ...secrets } = await readSupervisedInput()
    void supervisorGone.then(() => end(0))
    return secrets
  }
  const isNew = (await readValidatorFile(options.data)) === undefined
  const wrappingKey = await readWrappingKey(options, isNew)
  if (options.ticketFile === undefined) return { wrappingKey }
  const bytes = await readBounded(options.ticketFile, MAX_TICKET_BYTES)
  return { wrappingKey, ticket: new TextDecoder().decode(bytes).trim() }
}

async function readWebhook({ listen, webhookSecretFile }: ServeOptions): Promise<Webhook | undefined> {
  if (listen === undefined && webhookSecretFile === undefined) return undefined
  if (listen === undefined || webhookSecretFile === undefined) {
    throw composeError('validator.listen-invalid', 'only one of --listen and --webhook-secret-file was given')
  }
  const secret = await readPassphraseFile(webhookSecretFile)
  if (secret.length < MIN_SECRET_CHARACTERS) {
    throw watchError('watch.webhook-secret-short', `the secret has fewer than ${MIN_SECRET_CHARACTERS} characters`)
  }
  return { listen: readAddress(listen), secret: Buffer.from(secret) }
}

/** `host:port` or `[::1]:port`. */
function readAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[(?<v6>[0-9a-f:]+)\]|(?<host>[^:\s[\]]+)):(?<port>\d{1,5})$/.exec(text)
  const { v6, host = '', port = '' } = match?.groups ?? {}
  if (match === null || Number(port) > 65_535 || (v6 !== undefined && isIP(v6) !== 6)) {
    throw composeError('validator.listen-invalid', `"${text.slice(0, 100)}" is not host:port`)
  }
  return { host: v6 ?? host, port: Number(port) }
}

function untilEnd(): { ended: Promise<number>; end(code: number): void } {
  const { promise, resolve } = Promise.withResolvers<number>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(0))
  return { ended: promise, end: resolve }
}
