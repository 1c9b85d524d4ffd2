import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Outbox } from '@countersign/platform/outbox/outbox.ts'
import type { AuditTrail } from '../account/audit/auditTrail.ts'
import type { Issuer, IssuerCertificate } from '../trust/authority/issuers.ts'
import type { TrustFacts } from '../trust/facts.ts'
import type { Callers } from './callers.ts'

/** What enrolment and the operations on devices stand on. */
export interface FleetDeps {
  readonly facts: TrustFacts
  readonly clock: Clock
  readonly database: Database
  readonly outbox: Pick<Outbox, 'emit'>
  readonly audit: AuditTrail
  /** The devices authority that issues now. */
  readonly issuer: Issuer
  /** Every issuer certificate; roots and retired generations too. */
  readonly issuers: readonly IssuerCertificate[]
  /** SHA-256 of the first TUF root: what a ticket carries. */
  readonly rootHash: Uint8Array
  readonly callers: Callers
  /** Tells devices that a check-in is worth their while. Nothing depends on their hearing it. */
  hintCheckIn(): Promise<void>
}
