import type { Reach, RevocationRequest } from '@countersign/protocol/api/revocations.ts'
import { authoriseRevocation } from '@countersign/protocol/decide/authoriseRevocation.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { decodeBase64 } from '@countersign/protocol/json/base64.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import {
  parseRevocationLeaf,
  type RevocationSignature,
  revocationLeaf,
  type UnverifiedRevocation,
} from '@countersign/protocol/revocation/envelope.ts'
import { revocationError } from '@countersign/protocol/revocation/errors.ts'
import type { Transaction } from 'kysely'
import { trustError } from '../errors.ts'
import type { TrustTables } from '../trustTables.ts'
import { logRevocation } from './logRevocation.ts'
import { findRequest, readApprovals, requestReply, type StoredRequest } from './requestStore.ts'
import type { RevocationDeps } from './revocationDeps.ts'
import { addRevocation, readRevocation } from './revocationStore.ts'

/** An approver's signature as it came: base64, over the PAE of the request's payload. */
export interface Approval {
  /** Hex SHA-256 of the approver's SPKI. */
  readonly keyId: string
  readonly signature: string
}

/**
 * Adds an approver's signature to a request; the one that reaches the policy's count has the record logged (design 5). The
 * signature says who approves, `carriedBy` only who brought it. Repeat it after a crash: a signature counts once, and a
 * request whose record is written is finished. Throws `trust.request-unknown`, the codes of `authoriseRevocation` for a
 * signature that does not count, and what the log throws.
 */
export async function approveRevocation(
  deps: RevocationDeps,
  carriedBy: string,
  id: string,
  { keyId, signature }: Approval,
): Promise<RevocationRequest> {
  const tables = deps.database.tables<TrustTables>()
  const waiting = await requireRequest(tables, id)
  if (waiting.record === null) {
    const policy = await deps.policy()
    const signed = { keyId, signature: decodeBase64(signature, 'the signature') }
    const name = approverOf(waiting, signed, policy)
    const detail = { request: id, key: keyId, name, carriedBy }
    await deps.audit.record({ kind: 'revocation.approved', actor: { approver: name }, detail })
    await deps.database.transaction<TrustTables, void>('trust.revocation-approval', (trx) =>
      addApproval(trx, { id, name, signed, policy }, deps.clock.now()),
    )
  }
  const { record } = await requireRequest(tables, id)
  if (record !== null) await logRevocation(deps, await readRevocation(tables, record))
  return requestReply(tables, await requireRequest(tables, id))
}

interface NewApproval {
  readonly id: string
  readonly name: string
  readonly signed: RevocationSignature
  readonly policy: VerificationPolicy
}

/** Counts inside the transaction, so that of two approvals at once exactly one finds the count reached. */
async function addApproval(
  trx: Transaction<TrustTables>,
  { id, name, signed, policy }: NewApproval,
  now: Date,
): Promise<void> {
  const request = await requireRequest(trx, id)
  if (request.record !== null) return
  const approval = { request: id, key_id: signed.keyId, name, signature: signed.signature, approved_ms: now.getTime() }
  await trx
    .insertInto('trust_revocation_approvals')
    .values(approval)
    .onConflict((conflict) => conflict.columns(['request', 'key_id']).doNothing())
    .execute()
  const signatures = (await readApprovals(trx, id)).map(({ key_id, signature }) => ({
    keyId: key_id,
    signature: new Uint8Array(signature),
  }))
  const revocation = revocationOf(request, signatures)
  if (!isAuthorised(revocation, policy)) return
  const reach = JSON.parse(request.reach) as Reach
  const stored = await addRevocation(trx, { ...revocation, reach }, now)
  await trx.updateTable('trust_revocation_requests').set({ record: stored.id }).where('id', '=', id).execute()
}

/** Whose signature this is, where it counts at all: asked of the one decision, as if one approval were enough. */
function approverOf(
  request: StoredRequest,
  signed: RevocationSignature,
  { revokers }: Pick<VerificationPolicy, 'revokers'>,
): string {
  const approvals = { certifications: 1, digest: 1, certificate: 1, identity: 1 }
  const revocation = revocationOf(request, [signed])
  const { by, validator } = authoriseRevocation(revocation, { ...revokers, approvals }, 'development')
  const [name] = by
  if (name === undefined || validator !== undefined) {
    throw revocationError('revocation.scope-not-allowed', 'a validator’s own key approves nothing')
  }
  return name
}

function isAuthorised(revocation: UnverifiedRevocation, { revokers, environment }: VerificationPolicy): boolean {
  try {
    authoriseRevocation(revocation, revokers, environment)
    return true
  } catch (error) {
    if (hasCode(error, 'revocation.too-few-approvals')) return false
    throw error
  }
}

function revocationOf({ payload }: StoredRequest, signatures: readonly RevocationSignature[]): UnverifiedRevocation {
  return parseRevocationLeaf(revocationLeaf(new Uint8Array(payload), signatures))
}

async function requireRequest(tables: Parameters<typeof findRequest>[0], id: string): Promise<StoredRequest> {
  const request = await findRequest(tables, id)
  if (request === undefined) throw trustError('trust.request-unknown', 'there is no revocation request of this id')
  return request
}
