import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { AuditTrail } from '../../account/audit/auditTrail.ts'
import type { LogRevocationDeps } from './logRevocation.ts'
import type { ReachDeps } from './reachOf.ts'

/** What the operations on revocations stand on. */
export interface RevocationDeps extends LogRevocationDeps, ReachDeps {
  readonly audit: Pick<AuditTrail, 'record' | 'intend' | 'settle'>
  /** The verification policy as it is distributed now: it alone says who may end trust. */
  policy(): Promise<VerificationPolicy>
}
