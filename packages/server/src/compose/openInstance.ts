import type { Clock } from '@countersign/local/clock/clock.ts'
import { makeFolder } from '@countersign/local/files/durable.ts'
import { lockFolder } from '@countersign/local/files/lock.ts'
import { Outbox } from '@countersign/platform/outbox/outbox.ts'
import type { Logger } from '@countersign/platform/telemetry/logger.ts'
import type { Kysely } from 'kysely'
import { type AuditTrail, createAuditTrail } from '../account/audit/auditTrail.ts'
import { type Account, openAccount } from '../account/openAccount.ts'
import type { ArtifactsDeps } from '../artifacts/artifactsDeps.ts'
import { distributedRoot } from '../artifacts/distributedRoot.ts'
import { type RemoveDeps, removeLeftovers, removeUnsubmitted } from '../artifacts/removeUnsubmitted.ts'
import { Waiters } from '../artifacts/waiters.ts'
import { devicesRunning } from '../fleet/devicesRunning.ts'
import type { FleetTables } from '../fleet/fleetTables.ts'
import { type Fleet, openFleet } from '../fleet/openFleet.ts'
import { isReleased } from '../fleet/releases.ts'
import { type AnchorSources, anchorTargets, firstPolicy, type InstanceLogs } from '../instance/anchorTargets.ts'
import { auditedKeys } from '../instance/auditedKeys.ts'
import {
  addressesOf,
  chooseFacts,
  type InstanceFacts,
  type RequestedFacts,
  requireSameFacts,
} from '../instance/facts.ts'
import { signFirstEntry } from '../instance/firstEntry.ts'
import { beginCreation, finishCreation, readBegunCreation, readInstanceFile } from '../instance/instanceFile.ts'
import { newestTime } from '../instance/newestTime.ts'
import { leafEntry } from '../log/leafEntry.ts'
import type { LogDeps, LogName } from '../log/transparencyLog.ts'
import { distributedPolicy } from '../trust/anchors/distributedPolicy.ts'
import { firstRootHash } from '../trust/anchors/openAnchors.ts'
import { readTarget } from '../trust/anchors/readTarget.ts'
import { currentIssuing, type IssuerCertificate, readIssuerCertificates } from '../trust/authority/issuers.ts'
import { renewTimestampSigner } from '../trust/authority/renewIssuing.ts'
import { createTrust } from '../trust/createTrust.ts'
import { openTrust, type Trust } from '../trust/openTrust.ts'
import { openRevocations, type Revocations } from '../trust/revocation/openRevocations.ts'
import { openInstanceLog, openLogKeys, ownKeyIds } from './openLogs.ts'
import { openRootKeys, openStorage, type Storage } from './openStorage.ts'

/** What opening an instance needs from whoever runs it. */
export interface OpenOptions {
  readonly folder: string
  readonly requested: RequestedFacts
  /** Whether a validator runs beside a new instance, so that its first policy asks for certifications. Default: it does. */
  readonly embeddedValidator?: boolean
  readonly clock: Clock
  readonly logger: Logger
  /** Called before anything is created. Rejects where the operator does not agree. */
  confirmCreation(facts: InstanceFacts): Promise<void>
  /** The 32 bytes that the online keys are encrypted under; makes them where the creation of a development instance may. */
  wrappingKey(facts: InstanceFacts, creating: boolean): Promise<Uint8Array>
  /** Asked for at creation only. */
  rootPassphrase(facts: InstanceFacts): Promise<string>
  /** Told once when a log stops for good; only a restart repairs it. */
  stopped(name: LogName, error: Error): void
}

/** An instance that is open, with everything repaired that a crash left; it does not listen yet. */
export interface Instance {
  readonly folder: string
  readonly facts: InstanceFacts
  /** Whether this call created it. */
  readonly created: boolean
  readonly storage: Storage
  readonly logs: InstanceLogs
  readonly audit: AuditTrail
  readonly account: Account
  readonly trust: Trust
  readonly revocations: Revocations
  readonly artifacts: ArtifactsDeps
  readonly fleet: Fleet
  /** Not started; whoever runs the instance names the handlers and starts it. */
  readonly outbox: Outbox
  /** Removes artifacts that nobody submitted within a day. */
  removeUnsubmitted(signal?: AbortSignal): Promise<void>
  /** Makes the next signer of timestamps when it is due, and publishes it. */
  renewTimestampSigner(): Promise<void>
  /** Finishes what is under way and lets the next process in. */
  close(): Promise<void>
}

/**
 * Opens the instance in `folder`, or creates one. Creation that a crash interrupts is finished by the next call.
 * Throws `instance.*`, `files.locked`, `keystore.wrong-key`, and what the logs refuse to open with.
 */
export async function openInstance(options: OpenOptions): Promise<Instance> {
  const { folder } = options
  const found = await readInstanceFile(folder)
  const begun = found ?? (await readBegunCreation(folder))
  if (begun) requireSameFacts(begun, options.requested)
  const wanted = begun ?? chooseFacts(options.requested, options.clock.now())
  if (!found) await options.confirmCreation(wanted)
  // Everything that can be refused is refused before anything is written.
  const secrets = {
    passphrase: found ? undefined : await options.rootPassphrase(wanted),
    wrappingKey: await options.wrappingKey(wanted, found === undefined),
  }
  await makeFolder(folder, { point: 'instance.folder', mode: 0o700 })
  const lock = await lockFolder(folder)
  try {
    const facts = found ?? (await beginCreation(folder, wanted))
    const instance = await openParts(options, facts, secrets)
    if (!found) await finishCreation(folder, facts)
    const close = async () => {
      await instance.close()
      lock.release()
    }
    return { ...instance, close }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** What opens the keys; the passphrase only at creation. */
interface Secrets {
  readonly passphrase: string | undefined
  readonly wrappingKey: Uint8Array
}

/** The audit log comes first, because from then on every use of a key is on record; then trust, then the rest. */
async function openParts(
  options: OpenOptions,
  facts: InstanceFacts,
  { passphrase, wrappingKey }: Secrets,
): Promise<Instance> {
  const { folder, clock, logger } = options
  const storage = await openStorage(folder, wrappingKey, clock)
  const { database, blobs } = storage
  const logDeps: LogDeps = { database, blobs, clock, logger, onStopped: (name, error) => options.stopped(name, error) }

  const auditKeys = await openLogKeys(storage.onlineKeys, 'audit')
  const auditLog = await openInstanceLog(logDeps, facts, { name: 'audit', keys: auditKeys })
  const audit = await createAuditTrail({ log: auditLog, database, clock, ownKeyIds: ownKeyIds(auditKeys) })
  const onlineKeys = auditedKeys(storage.onlineKeys, audit, 'operation')
  const firstEntry =
    passphrase === undefined ? undefined : await createRoots({ folder, clock, passphrase }, facts, storage, audit)

  const issuers = await readIssuerCertificates(database)
  const open = async (name: LogName) =>
    openInstanceLog(logDeps, facts, { name, keys: await openLogKeys(onlineKeys, name) })
  const certificateKeys = await openLogKeys(onlineKeys, 'certificates')
  const logs: InstanceLogs = {
    artifacts: await open('artifacts'),
    certificates: await openInstanceLog(logDeps, facts, {
      name: 'certificates',
      keys: certificateKeys,
      issuers: issuersOfEntries(issuers),
    }),
    revocations: await open('revocations'),
    audit: auditLog,
  }
  if (firstEntry && logs.artifacts.head().size === 0n) await logs.artifacts.append(leafEntry(firstEntry))
  const account = await openAccount({
    database,
    keys: storage.onlineKeys,
    clock,
    audit,
    publicUrl: facts.publicUrl,
    failed: (error) => logger.error({ err: error }, 'a page failed'),
  })
  const outbox = new Outbox({ database, clock, logger })
  const trust = await openTrust({
    facts,
    database,
    outbox,
    blobs,
    clock,
    keys: onlineKeys,
    certificateLog: logs.certificates,
    sctKey: certificateKeys.treeHead ?? certificateKeys.note,
    verifyToken: account.verifyToken,
    timeAtLeast: newestTime(Object.values(logs)),
  })
  const rootHash = await firstRootHash(blobs)
  await publishAnchors(storage, trust, { facts, issuers, logs, rootHash }, options.embeddedValidator)
  const policy = distributedPolicy(blobs)
  // Read as soon as it may be another one: a recall must not be the first who asks for it. A failure is told to whoever asks.
  trust.anchors.onPublished(() => void policy().catch(() => undefined))
  const revocations = await openRevocations({
    database,
    clock,
    outbox,
    audit,
    log: logs.revocations,
    authority: trust.certifications.template.issuer.keyId,
    policy,
    devicesRunning: (certifications) => devicesRunning(database, certifications),
  })
  const fleet = await openFleet({
    facts,
    clock,
    database,
    outbox,
    audit,
    issuer: currentIssuing(trust.issuing, 'devices'),
    issuers: trust.issuers,
    rootHash,
    policy,
    policies: { audit, anchors: trust.anchors },
    anchors: trust.anchors,
    store: storage.artifacts,
    hintCheckIn: () => revocations.push.hintCheckIn(),
  })
  const artifacts = {
    facts,
    clock,
    database,
    audit,
    store: storage.artifacts,
    waiters: new Waiters(clock),
    policy,
    trustedRoot: distributedRoot(blobs),
    verifyToken: account.verifyToken,
  }
  const removing: RemoveDeps = {
    ...artifacts,
    isReleased: (tables, sha256) => isReleased(tables as unknown as Kysely<FleetTables>, sha256),
  }
  await removeLeftovers(removing)
  return {
    folder,
    facts,
    created: passphrase !== undefined,
    storage,
    logs,
    audit,
    account,
    trust,
    revocations,
    artifacts,
    fleet,
    outbox,
    removeUnsubmitted: (signal) => removeUnsubmitted(removing, signal),
    async renewTimestampSigner() {
      // The new signer stamps from the next start on; until then every client has had time to learn of it.
      if (!(await renewTimestampSigner({ database, clock, onlineKeys }, facts))) return
      await publishAnchors(storage, trust, { facts, issuers: await readIssuerCertificates(database), logs, rootHash })
    },
    async close() {
      revocations.close()
      await audit.flush({ all: true })
      for (const log of Object.values(logs)) await log.close()
      await database.close()
    },
  }
}

/** What stands above the entries of the certificate log, earlier generations too: whoever rebuilds the log asks for them. */
function issuersOfEntries(issuers: readonly IssuerCertificate[]): Uint8Array[] {
  const issuing = issuers.filter(({ name }) => name === 'identities' || name === 'certifications')
  return issuing.flatMap(({ chain }) => chain.map(({ raw }) => raw))
}

/** Everything that takes the root keys. Returns the first leaf of the artifact log. */
async function createRoots(
  options: Pick<OpenOptions, 'folder' | 'clock'> & { readonly passphrase: string },
  facts: InstanceFacts,
  storage: Storage,
  audit: AuditTrail,
): Promise<Uint8Array> {
  const { folder, clock, passphrase } = options
  const rootKeys = auditedKeys(openRootKeys(folder, passphrase, clock), audit, 'creation')
  const onlineKeys = auditedKeys(storage.onlineKeys, audit, 'creation')
  const detail = { ...facts, ...addressesOf(facts).origins }
  await audit.record({ kind: 'instance.created', actor: 'operator', detail })
  await createTrust({ ...storage, clock, rootKeys, onlineKeys }, facts)
  return signFirstEntry(storage.blobs, rootKeys)
}

/** Publishes what follows from the keys; costs nothing when it is published already. The policy is only published once. */
async function publishAnchors(
  { blobs }: Storage,
  trust: Trust,
  sources: AnchorSources,
  embeddedValidator = true,
): Promise<void> {
  const policy = await readTarget(blobs, 'verification_policy.json')
  await trust.anchors.publish({
    ...anchorTargets(sources),
    ...(policy === undefined && { 'verification_policy.json': firstPolicy(sources, embeddedValidator) }),
  })
}
