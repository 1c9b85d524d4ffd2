import { randomBytes } from 'node:crypto'
import type { Reach, RevocationRequest } from '@countersign/protocol/api/revocations.ts'
import { neededApprovals } from '@countersign/protocol/decide/authoriseRevocation.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import { encodeNumbers } from '@countersign/protocol/revocation/numbers.ts'
import {
  type AdvisedAction,
  type CertificationsRecord,
  type RevocationRecord,
  type Severity,
  writeRecord,
} from '@countersign/protocol/revocation/record.ts'
import { lastNumber } from '../authority/certifications.ts'
import { trustError } from '../errors.ts'
import type { TrustTables } from '../trustTables.ts'
import { type NamedCertification, namedBy } from './endedBy.ts'
import { reachOf } from './reachOf.ts'
import { addRequest, findRequestByPayload, requestReply, type StoredRequest } from './requestStore.ts'
import type { RevocationDeps } from './revocationDeps.ts'
import { unrecordedAmong } from './unrecordedCertifications.ts'

/** What a person asks to have ended. */
export interface RequestedRevocation {
  readonly target:
    | { readonly scope: 'certifications'; readonly authority: string; readonly numbers: readonly string[] }
    | { readonly scope: 'digest'; readonly digest: string; readonly blocked: boolean }
  readonly reason: string
  readonly advisories: readonly string[]
  readonly severity: Severity
  readonly action: AdvisedAction
  readonly replacement?: string | undefined
  readonly dryRun: boolean
}

/** Requests that wait at the same time; more would hide the ones that matter. */
const MAX_WAITING = 1000
/** Numbers in their coded form: with 16 signatures, the rest of the record and base64 twice they fit one entry. */
const MAX_NUMBER_BYTES = 32_000

/**
 * Makes the exact record that `request` asks for, and has it wait for approvers (design 5); with `dryRun` only tells how far
 * it would reach. Nothing is logged and nothing ends here. `authority` is the key id of the present certifications
 * authority. Throws `trust.certification-unknown`, `trust.revocation-too-large`, `trust.too-many-requests`, and
 * `revocation.record-malformed` with the field.
 */
export async function requestRevocation(
  deps: RevocationDeps & { readonly authority: string },
  requestedBy: string,
  request: RequestedRevocation,
): Promise<{ request?: RevocationRequest; reach: Reach }> {
  const record = await recordOf(deps, request)
  const payload = writeRecord(record)
  const tables = deps.database.tables<TrustTables>()
  const named = await namedBy(tables, record)
  if (record.scope === 'certifications' && 'numbers' in record) await refuseUnknown(deps, record, named)
  const { revokers, environment } = await deps.policy()
  const reach = await reachOf(deps, revokers, named)
  if (request.dryRun) return { reach }
  await refuseFlood(deps)
  const payloadHash = toHex(sha256(payload))
  const required = neededApprovals(record.scope, revokers, environment)
  const actor = { identity: requestedBy }
  await deps.audit.record({ kind: 'revocation.requested', actor, detail: { payload: payloadHash } })
  await deps.database.transaction<TrustTables, void>('trust.revocation-request', (trx) =>
    addRequest(
      trx,
      { id: randomBytes(16).toString('hex'), payload, payloadHash, requestedBy, required, reach },
      deps.clock.now(),
    ),
  )
  const stored = (await findRequestByPayload(tables, payloadHash)) as StoredRequest
  return { request: await requestReply(tables, stored), reach }
}

/** A number that was never given out is a slip of the pen, unless somebody else has certified under it. */
async function refuseUnknown(
  { database }: RevocationDeps,
  { authority, numbers }: CertificationsRecord,
  named: readonly NamedCertification[],
): Promise<void> {
  const issued = new Set(named.map(({ number }) => number))
  const others = numbers.filter((number) => !issued.has(number))
  const forged = await unrecordedAmong(database.tables<TrustTables>(), authority, others)
  const missing = others.length - forged.size
  if (missing === 0) return
  throw trustError('trust.certification-unknown', `${missing} of the numbers were never given out by this authority`)
}

async function recordOf(
  { database, clock, authority }: RevocationDeps & { readonly authority: string },
  { target, reason, advisories, severity, action, replacement }: RequestedRevocation,
): Promise<RevocationRecord> {
  const common = {
    reason,
    severity,
    action,
    issuedAt: clock.now(),
    ...(advisories.length > 0 && { advisories }),
    ...(replacement !== undefined && { replacement }),
  }
  if (target.scope === 'certifications') {
    const numbers = ascending(target.numbers)
    if (encodeNumbers(numbers).length > MAX_NUMBER_BYTES) {
      throw trustError('trust.revocation-too-large', `${numbers.length} numbers do not fit one record`)
    }
    return { ...common, scope: 'certifications', effect: 'ended', authority: target.authority, numbers }
  }
  const { digest } = target
  if (target.blocked) return { ...common, scope: 'digest', effect: 'blocked', digest }
  // Whatever is certified after this moment was judged with this in view, and stands.
  const upTo = await lastNumber(database, authority)
  return { ...common, scope: 'digest', effect: 'ended', digest, authority, upTo }
}

function ascending(numbers: readonly string[]): bigint[] {
  return [...new Set(numbers)].map(BigInt).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

async function refuseFlood({ database }: RevocationDeps): Promise<void> {
  const { waiting } = await database
    .tables<TrustTables>()
    .selectFrom('trust_revocation_requests')
    .select((select) => select.fn.countAll<number>().as('waiting'))
    .where('record', 'is', null)
    .executeTakeFirstOrThrow()
  if (waiting >= MAX_WAITING) throw trustError('trust.too-many-requests', `${waiting} requests wait for approvers`)
}
