import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Logger } from '@countersign/platform/telemetry/logger.ts'
import type { CertificationPolicy } from '@countersign/protocol/policy/certificationPolicy.ts'
import type { Catalogue } from '@countersign/protocol/sbom/catalogue.ts'
import type { Transaction } from 'kysely'
import type { Advisories } from '../advisories/openAdvisories.ts'
import type { Inspection } from '../inspector/inspect.ts'
import type { Authority } from './authority.ts'
import type { CertifyStore } from './certifyStore.ts'
import type { CertifyTables } from './certifyTables.ts'
import type { InstanceTrust } from './instanceTrust.ts'
import type { Expected, FinishedBundles } from './verifyOwn.ts'

/** The certification policy in force. */
export interface CertificationPolicyInForce {
  readonly policy: CertificationPolicy
  readonly sha256: string
}

/** Who certifies. */
export interface ValidatorIdentity {
  readonly name: string
  /** `<public-url>/validators/<name>`. */
  readonly subject: string
  readonly environment: 'development' | 'production'
}

/**
 * The index that advisories are looked up in. A certification is in it before it is durable, so that no change of the
 * advisories can pass between the two.
 */
export interface PendingIndex {
  /** The newest advisory state whose change has been looked up in the index, or is being looked up. */
  readonly lookedUp: number
  /** From now on changed advisories reach this certification. */
  add(certification: number, catalogue: Catalogue): void
  /** Takes it out: nothing was certified. */
  remove(certification: number): void
}

/** What certifying stands on. */
export interface CertifyDeps {
  readonly database: Database
  readonly store: CertifyStore
  readonly clock: Clock
  readonly logger: Logger
  /** Where artifacts are kept. */
  readonly artifactsFolder: string
  readonly identity: ValidatorIdentity
  readonly authority: Authority
  readonly trust: InstanceTrust
  readonly advisories: Pick<Advisories, 'state' | 'forPackage' | 'get'>
  readonly index: PendingIndex
  /** The policy of this moment. */
  policy(): CertificationPolicyInForce
  /** Of the inspector that runs now. */
  readonly scannerVersion: string
  /** Runs the inspector on a kept artifact. */
  inspect(artifact: { path: string; sha256: string; sizeBytes: number }): Promise<Inspection>
  /** The SBOM of a catalogue: CycloneDX 1.6 as JSON. */
  writeBom(catalogue: Catalogue): Promise<Uint8Array>
  /** Proves that a finished certification is one to every stranger. Throws `certify.own-result-wrong`. */
  verify(bundles: FinishedBundles, expected: Expected): Promise<void>
  /** Asks, as part of `trx`, for the revocation of a certification that an advisory reached before it was handed out. */
  revokeDoomed(trx: Transaction<CertifyTables>, certification: number): Promise<void>
  /** Makes known, as part of `trx`, that a certification was handed out. */
  certified(trx: Transaction<CertifyTables>, certification: number): Promise<void>
}
