import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { KeyStore, SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import type { Outbox } from '@countersign/platform/outbox/outbox.ts'
import type { Identity } from '../account/identities/identity.ts'
import type { TransparencyLog } from '../log/transparencyLog.ts'
import { tufKeyNames } from './anchors/createAnchors.ts'
import { type Anchors, openAnchors } from './anchors/openAnchors.ts'
import { openCertificateStore } from './authority/certificateStore.ts'
import { certificationTemplate } from './authority/certificationProfile.ts'
import { finishIntents, type RefusedIntent } from './authority/finishIntents.ts'
import { identityTemplate } from './authority/identityProfile.ts'
import { type CertificationAuthority, openCertificationAuthority } from './authority/issueCertification.ts'
import type { IdentityAuthority } from './authority/issueIdentityCertificate.ts'
import type { IssuingName } from './authority/issuerNames.ts'
import {
  currentIssuer,
  currentIssuing,
  type Issuer,
  type IssuerCertificate,
  openIssuer,
  openOnlineIssuers,
  readIssuerCertificates,
} from './authority/issuers.ts'
import type { LeafTemplate } from './authority/leafTemplate.ts'
import type { TrustFacts } from './facts.ts'
import { inTurn } from './inTurn.ts'
import { publishCrls } from './revocation/publishCrls.ts'
import { revokeCertificate } from './revocation/revokeCertificate.ts'
import { type RevokeUnrecordedDeps, revokeUnrecorded, type Unrecorded } from './revocation/revokeUnrecorded.ts'
import {
  openUnrecorded,
  type UnrecordedCertification,
  unrecordedNumbers,
} from './revocation/unrecordedCertifications.ts'
import type { TimestampAuthority } from './timestamping/stamp.ts'
import { openTimeFloor } from './timestamping/timeFloor.ts'
import type { TrustTables } from './trustTables.ts'

/** What the trust of a running instance stands on. Root keys are not among it. */
export interface OpenTrustDeps {
  readonly facts: TrustFacts
  readonly database: Database
  readonly blobs: Blobs
  readonly clock: Clock
  /** Where the consequences of a revocation are written. */
  readonly outbox: Pick<Outbox, 'emit'>
  /** The online keys; whoever passes them decides what the audit trail says about their uses. */
  readonly keys: Pick<KeyStore, 'open'>
  /** The certificate log and its P-256 key, which signs the SCTs. */
  readonly certificateLog: TransparencyLog
  readonly sctKey: SigningKey
  /** Proves who a token speaks for; throws `account.token-*`. */
  verifyToken(token: string): Promise<Identity>
  /** The newest time that a log of this instance has signed; the clock must not be behind it. */
  readonly timeAtLeast: Date
}

/** The authorities of a running instance. */
export interface Trust {
  readonly authority: IdentityAuthority
  readonly certifications: CertificationAuthority
  readonly timestamps: TimestampAuthority
  readonly anchors: Anchors
  /** Every issuer certificate; roots and retired generations too. */
  readonly issuers: readonly IssuerCertificate[]
  /** The issuing authorities with their keys. */
  readonly issuing: readonly Issuer[]
  /** Publishes the revocation lists that are due or changed. */
  publishCrls(): Promise<void>
  /** Compares the certificate log with the database and revokes what nobody intended. Returns what was revoked. */
  revokeUnrecorded(): Promise<Unrecorded[]>
  /** The certifications among that which approvers have not ended yet. */
  unrecordedCertifications(): Promise<readonly UnrecordedCertification[]>
}

/**
 * Opens the authorities and repairs what a crash left: intents without a result are finished, so every logged
 * certificate is recorded when this resolves. Nothing is issued before. Throws `trust.not-created`,
 * `trust.key-mismatch`, and what the log throws.
 */
export async function openTrust(deps: OpenTrustDeps): Promise<Trust> {
  const { facts, database, clock, keys, certificateLog: log, sctKey } = deps
  const issuers = await readIssuerCertificates(database)
  const issuing = await openOnlineIssuers(issuers, keys)
  const store = await openCertificateStore(database)
  const templates = issuing.flatMap((one) => templatesOf(one, facts))
  const { refused } = await finishIntents({ database, log, sctKey, store, templates })
  await revokeRefused(deps, refused)
  const templateOf = (name: IssuingName) => {
    const { keyId } = currentIssuing(issuing, name)
    return templates.find(({ issuer }) => issuer.keyId === keyId) as LeafTemplate
  }
  const issuance = { facts, clock, log, sctKey, store }
  // Event and clock may ask for lists at the same moment; each run builds on what the one before published.
  const nextRun = inTurn()
  const publishing = { ...deps, issuers: issuing, known: new Map() }
  const certifying = templateOf('certifications')
  const used = new Set(await unrecordedNumbers(database, certifying.issuer.keyId))
  const comparing: RevokeUnrecordedDeps = {
    ...{ database, clock, store, log, outbox: deps.outbox },
    usedNumber: (authority, number) => void (authority === certifying.issuer.keyId && used.add(number)),
  }
  return {
    authority: { ...issuance, template: templateOf('identities'), verifyToken: deps.verifyToken },
    certifications: await openCertificationAuthority({ ...issuance, database, template: certifying }, used),
    timestamps: {
      signer: await openIssuer(currentIssuer(issuers, 'timestamp-signer'), keys),
      floor: await openTimeFloor(deps, deps.timeAtLeast),
    },
    anchors: openAnchors({ blobs: deps.blobs, clock, keys: await openTufKeys(keys) }),
    issuers,
    issuing,
    publishCrls: () => nextRun(async () => void (await publishCrls(publishing, facts))),
    revokeUnrecorded: () => revokeUnrecorded(comparing),
    unrecordedCertifications: () => openUnrecorded(database, clock.now()),
  }
}

/** The authorities whose certificates are logged. */
function templatesOf(issuer: Issuer, facts: TrustFacts): LeafTemplate[] {
  if (issuer.name === 'identities') return [identityTemplate(issuer, facts)]
  return issuer.name === 'certifications' ? [certificationTemplate(issuer, facts)] : []
}

async function revokeRefused(
  { database, clock, outbox }: OpenTrustDeps,
  refused: readonly RefusedIntent[],
): Promise<void> {
  if (refused.length === 0) return
  await database.transaction<TrustTables, void>('trust.refused', async (trx) => {
    for (const { issuerKeyId, serial, notBefore } of refused) {
      const effect = { kind: 'ended', notBefore } as const
      await revokeCertificate({ trx, outbox, now: clock.now() }, { issuerKeyId, serial, effect, reason: 'unspecified' })
    }
  })
}

async function openTufKeys(keys: Pick<KeyStore, 'open'>) {
  return {
    targets: await keys.open(tufKeyNames.targets),
    snapshot: await keys.open(tufKeyNames.snapshot),
    timestamp: await keys.open(tufKeyNames.timestamp),
  }
}
