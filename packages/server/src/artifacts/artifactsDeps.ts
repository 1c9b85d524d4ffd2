import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { TrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { AuditTrail } from '../account/audit/auditTrail.ts'
import type { Identity } from '../account/identities/identity.ts'
import type { TrustFacts } from '../trust/facts.ts'
import type { ArtifactStore } from './artifactStore.ts'
import type { Waiters } from './waiters.ts'

/** What submissions and certifications stand on. */
export interface ArtifactsDeps {
  readonly facts: TrustFacts
  readonly clock: Clock
  readonly database: Database
  readonly audit: AuditTrail
  readonly store: ArtifactStore
  readonly waiters: Waiters
  /** The verification policy as it is distributed now. */
  policy(): Promise<VerificationPolicy>
  /** The trusted root as it is distributed now: what is told here must verify as everybody else will verify it. */
  trustedRoot(): Promise<TrustedRoot>
  /** Proves who a token speaks for; throws `account.token-*`. */
  verifyToken(token: string): Promise<Identity>
}

/** Who calls, as far as limits, ownership and the certification policy go. */
export interface Person {
  readonly issuer: string
  /** As certificates name the person, an address or the URI of a workflow: the token's own `sub` may be an opaque number. */
  readonly subject: string
}
