import { join } from 'node:path'
import { tlsTrust } from '@countersign/local/anchors/trustedRequest.ts'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { makeFolder } from '@countersign/local/files/durable.ts'
import { lockFolder } from '@countersign/local/files/lock.ts'
import { Database } from '@countersign/platform/database/database.ts'
import { migrate } from '@countersign/platform/database/migrate.ts'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { softwareKeyStore } from '@countersign/platform/keystore/softwareKeys.ts'
import { outboxMigrations } from '@countersign/platform/outbox/migrations.ts'
import { Outbox } from '@countersign/platform/outbox/outbox.ts'
import type { Logger } from '@countersign/platform/telemetry/logger.ts'
import { advisoriesMigrations } from '../advisories/advisoriesTables.ts'
import { type Advisories, openAdvisories } from '../advisories/openAdvisories.ts'
import { type Authority, openAuthority } from '../certify/authority.ts'
import type { CertifyDeps } from '../certify/certifyDeps.ts'
import { CertifyStore } from '../certify/certifyStore.ts'
import { holdTrust, type InstanceTrust } from '../certify/instanceTrust.ts'
import { certifyMigrations } from '../certify/migrations.ts'
import { verifyOwn } from '../certify/verifyOwn.ts'
import { CERTIFICATION_ACTIVE, CERTIFICATION_DOOMED } from '../flow.ts'
import { validateCycloneDx, writeCycloneDx } from '../inspector/cyclonedx.ts'
import { inspect, scanner } from '../inspector/inspect.ts'
import { type Protection, probeProtections } from '../inspector/protections.ts'
import { openPublishedPackages } from '../inspector/publishedPackages.ts'
import type { FollowCertificatesDeps } from '../watch/followCertificates.ts'
import { FollowedChanges } from '../watch/followedChanges.ts'
import { watchMigrations } from '../watch/migrations.ts'
import type { WatchDeps } from '../watch/watchDeps.ts'
import { refuseMuch, WatchedCertifications } from '../watch/watchedCertifications.ts'
import { type ClientCredentials, renewClient } from './clientIdentity.ts'
import { type EnrolledValidator, enrolValidator } from './enrolValidator.ts'
import { openPolicy, type PolicyInForce, savePolicy } from './policyFile.ts'
import { refuseUnprotected } from './refuseUnprotected.ts'
import type { ValidatorFile } from './validatorFile.ts'

/** What opening a validator needs from whoever runs it. */
export interface OpenOptions {
  readonly folder: string
  readonly clock: Clock
  readonly logger: Logger
  /** The text of a ticket, for a folder in which nothing is enrolled. */
  readonly ticket?: string
  /** The 32 bytes that the keys of this validator are encrypted under. */
  readonly wrappingKey: Uint8Array
  /** Runs a production validator although nothing confines the inspector. */
  readonly allowUnprotected: boolean
}

/** A validator that is open, with everything read back that is durable; nothing runs yet. */
export interface Validator {
  readonly file: ValidatorFile
  /** `<public-url>/validators/<name>`. */
  readonly subject: string
  readonly protections: readonly Protection[]
  readonly store: CertifyStore
  readonly authority: Authority
  readonly trust: InstanceTrust
  readonly advisories: Advisories
  readonly revokerKey: SigningKey
  /** Not started; whoever runs the validator names the handlers and starts it. */
  readonly outbox: Outbox
  readonly certifying: CertifyDeps
  readonly watch: WatchDeps
  /** How the certificate logs of the instance are followed. */
  readonly certificates: FollowCertificatesDeps
  /** The certification policy in force. */
  policy(): PolicyInForce
  /** Puts another certification policy in force. Throws `policy.*`. */
  setPolicy(text: string): Promise<PolicyInForce>
  /** Until when the client certificate counts. */
  clientNotAfter(): Date
  /** Renews the client certificate where less than a third of a month is left of it. */
  renewClient(): Promise<void>
  /** Finishes what is under way and lets the next process in. */
  close(): Promise<void>
}

const RENEW_BEFORE_MS = 10 * 86_400_000

/**
 * Opens the validator in `folder`, or enrols it there by its ticket. Throws `files.locked`, `keystore.wrong-key`,
 * `validator.unprotected`, and what `enrolValidator`, the database and the advisories refuse with.
 */
export async function openValidator(options: OpenOptions): Promise<Validator> {
  await makeFolder(options.folder, { point: 'validator.folder', mode: 0o700 })
  const lock = await lockFolder(options.folder)
  try {
    const validator = await openParts(options)
    const close = async () => {
      await validator.close()
      lock.release()
    }
    return { ...validator, close }
  } catch (error) {
    lock.release()
    throw error
  }
}

async function openParts(options: OpenOptions): Promise<Validator> {
  const { folder, clock, logger, wrappingKey } = options
  const config = join(folder, 'trust')
  const wrap = { kind: 'key', key: wrappingKey } as const
  const protections = await probeProtections()
  const enrolled = await enrolValidator({ ...options, config, wrap })
  const { file } = enrolled
  refuseUnprotected(file.environment, protections, options.allowUnprotected)
  const keys = softwareKeyStore({ folder: join(folder, 'keys'), wrap, clock })
  const revokerKey = (await keys.has('revoker'))
    ? await keys.open('revoker')
    : await keys.create('revoker', 'ecdsa-p256')
  const database = await openDatabase(folder)
  const outbox = new Outbox({ database, clock, logger })
  const trust = holdTrust(enrolled.anchors, { clock, config, logger })
  const client = holdClient(options, enrolled, trust)
  const authority = openAuthority({ clock, anchors: trust.anchors, target: client.target })
  const policy = await holdPolicy(folder)
  const advisories = await openAdvisories({ database, outbox, clock, logger, environment: file.environment })
  const store = new CertifyStore({ database, clock })
  const watched = await WatchedCertifications.open(store)
  advisories.guard((changed) => refuseMuch(watched, changed, policy.current().policy.maxEndedByOneChange))
  const subject = `${file.url}/validators/${file.name}`
  const published = openPublishedPackages({ folder: join(folder, 'published'), logger })
  const common = { database, store, clock, logger, authority, advisories, policy: policy.current }
  const certifying: CertifyDeps = {
    ...common,
    artifactsFolder: join(folder, 'artifacts'),
    identity: { name: file.name, subject, environment: file.environment },
    trust,
    index: watched,
    scannerVersion: scanner.version,
    inspect: (artifact) => inspect({ ...artifact, published }),
    async writeBom(catalogue) {
      const bom = writeCycloneDx(catalogue)
      await validateCycloneDx(bom)
      return bom
    },
    verify: (bundles, expected) => verifyOwn(trust, bundles, expected),
    revokeDoomed: (trx, certification) => outbox.emit(trx, { kind: CERTIFICATION_DOOMED, payload: { certification } }),
    certified: (trx, certification) => outbox.emit(trx, { kind: CERTIFICATION_ACTIVE, payload: { certification } }),
  }
  return {
    file,
    subject,
    protections,
    store,
    authority,
    trust,
    advisories,
    revokerKey,
    outbox,
    certifying,
    watch: { ...common, outbox, watched, revokerKey, followed: new FollowedChanges() },
    certificates: { database, clock, logger, subject, anchors: trust.anchors },
    policy: policy.current,
    setPolicy: policy.set,
    clientNotAfter: client.notAfter,
    renewClient: client.renew,
    close: () => database.close(),
  }
}

async function openDatabase(folder: string): Promise<Database> {
  await makeFolder(join(folder, 'database'), { point: 'validator.database-folder', mode: 0o700 })
  const database = Database.openFile(join(folder, 'database', 'validator.sqlite'))
  await migrate(database, [...outboxMigrations, ...advisoriesMigrations, ...certifyMigrations, ...watchMigrations])
  return database
}

/** The client certificate of the moment; calls made after a renewal use the new one. */
function holdClient(options: OpenOptions, { file, client }: EnrolledValidator, trust: InstanceTrust) {
  const { folder, clock, wrappingKey } = options
  let current: ClientCredentials = client
  return {
    target: () => {
      const { certificatePem, privateKeyPem } = current
      return { url: file.url, trust: { ...tlsTrust(trust.anchors()), client: { certificatePem, privateKeyPem } } }
    },
    notAfter: () => current.notAfter,
    async renew() {
      if (current.notAfter.getTime() - clock.now().getTime() > RENEW_BEFORE_MS) return
      const deviceRootPem = new TextDecoder().decode(trust.anchors().target('device_root.pem'))
      const wrap = { kind: 'key', key: wrappingKey } as const
      current = await renewClient({ folder, clock, wrap }, { url: file.url, deviceRootPem, name: file.name, current })
    },
  }
}

async function holdPolicy(folder: string) {
  let current = await openPolicy(folder)
  return {
    current: () => current,
    async set(text: string) {
      current = await savePolicy(folder, text)
      return current
    },
  }
}
