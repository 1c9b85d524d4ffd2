import type { Reach, RevocationRequest } from '@countersign/protocol/api/revocations.ts'
import { encodeBase64 } from '@countersign/protocol/json/base64.ts'
import type { Kysely, Selectable, Transaction } from 'kysely'
import type { RevocationApprovalRow, RevocationRequestRow, TrustTables } from '../trustTables.ts'

/** A request as the database holds it. */
export type StoredRequest = Selectable<RevocationRequestRow>

/** A request that is to be written. */
export interface NewRequest {
  /** 32 hex digits. */
  readonly id: string
  readonly payload: Uint8Array
  readonly payloadHash: string
  readonly requestedBy: string
  readonly required: number
  readonly reach: Reach
  /** Id of the announcement's row, where there is one. */
  readonly announcement?: number
}

/** Writes a request as part of `trx`. The same payload again changes nothing. */
export async function addRequest(trx: Transaction<TrustTables>, request: NewRequest, now: Date): Promise<void> {
  await trx
    .insertInto('trust_revocation_requests')
    .values({
      id: request.id,
      payload: request.payload,
      payload_hash: request.payloadHash,
      requested_by: request.requestedBy,
      requested_ms: now.getTime(),
      required: request.required,
      reach: JSON.stringify(request.reach),
      announcement: request.announcement ?? null,
      record: null,
    })
    .onConflict((conflict) => conflict.column('payload_hash').doNothing())
    .execute()
}

/** The request for this payload, or undefined. */
export function findRequestByPayload(
  tables: Kysely<TrustTables>,
  payloadHash: string,
): Promise<StoredRequest | undefined> {
  return tables
    .selectFrom('trust_revocation_requests')
    .selectAll()
    .where('payload_hash', '=', payloadHash)
    .executeTakeFirst()
}

/** The request with this id, or undefined. */
export function findRequest(tables: Kysely<TrustTables>, id: string): Promise<StoredRequest | undefined> {
  return tables.selectFrom('trust_revocation_requests').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Signatures over a request, oldest first. */
export function readApprovals(tables: Kysely<TrustTables>, request: string): Promise<RevocationApprovalRow[]> {
  return tables
    .selectFrom('trust_revocation_approvals')
    .selectAll()
    .where('request', '=', request)
    .orderBy('approved_ms')
    .orderBy('key_id')
    .execute()
}

/** The requests, newest first, at most `limit`; only those that wait unless `all`. */
export async function listRequests(
  tables: Kysely<TrustTables>,
  { all, limit }: { readonly all: boolean; readonly limit: number },
): Promise<RevocationRequest[]> {
  let query = tables.selectFrom('trust_revocation_requests').selectAll()
  if (!all) query = query.where('record', 'is', null)
  const rows = await query.orderBy('requested_ms', 'desc').orderBy('id').limit(limit).execute()
  return Promise.all(rows.map((row) => requestReply(tables, row)))
}

/** A request as the API shows it. */
export async function requestReply(tables: Kysely<TrustTables>, request: StoredRequest): Promise<RevocationRequest> {
  const approvals = await readApprovals(tables, request.id)
  const index = request.record === null ? null : await logIndexOf(tables, request.record)
  return {
    id: request.id,
    payload: encodeBase64(new Uint8Array(request.payload)),
    requestedBy: request.requested_by,
    requestedAt: new Date(request.requested_ms).toISOString(),
    state: index === null ? 'waiting' : 'logged',
    approvals: approvals.map(({ key_id, name, approved_ms }) => ({
      keyId: key_id,
      name,
      at: new Date(approved_ms).toISOString(),
    })),
    required: request.required,
    reach: JSON.parse(request.reach) as Reach,
    ...(index !== null && { record: String(index) }),
  }
}

async function logIndexOf(tables: Kysely<TrustTables>, revocation: number): Promise<number | null> {
  const row = await tables
    .selectFrom('trust_revocations')
    .select('log_index')
    .where('id', '=', revocation)
    .executeTakeFirstOrThrow()
  return row.log_index
}
