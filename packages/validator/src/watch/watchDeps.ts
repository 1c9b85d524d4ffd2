import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import type { Outbox } from '@countersign/platform/outbox/outbox.ts'
import type { Logger } from '@countersign/platform/telemetry/logger.ts'
import type { Advisories } from '../advisories/openAdvisories.ts'
import type { Authority } from '../certify/authority.ts'
import type { CertificationPolicyInForce } from '../certify/certifyDeps.ts'
import type { CertifyStore } from '../certify/certifyStore.ts'
import type { FollowedChanges } from './followedChanges.ts'
import type { WatchedCertifications } from './watchedCertifications.ts'

/** What watching certifications stands on. */
export interface WatchDeps {
  readonly database: Database
  readonly outbox: Outbox
  readonly store: CertifyStore
  readonly clock: Clock
  readonly logger: Logger
  readonly advisories: Advisories
  readonly authority: Authority
  readonly watched: WatchedCertifications
  /** Told what each change has ended. */
  readonly followed: FollowedChanges
  /** Signs records and nothing else. */
  readonly revokerKey: SigningKey
  /** The policy of this moment. */
  policy(): CertificationPolicyInForce
}
