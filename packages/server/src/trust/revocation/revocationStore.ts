import type { Reach } from '@countersign/protocol/api/revocations.ts'
import { type RevocationSignature, revocationLeaf } from '@countersign/protocol/revocation/envelope.ts'
import type { RevocationRecord } from '@countersign/protocol/revocation/record.ts'
import type { Kysely, Selectable, Transaction } from 'kysely'
import type { RevocationRow, TrustTables } from '../trustTables.ts'
import type { EarlierReach } from './reachOf.ts'

/** A leaf as the database holds it. */
export type StoredRevocation = Selectable<RevocationRow>

/** A leaf that is to be written. */
export interface NewRevocation {
  readonly payload: Uint8Array
  /** Hex SHA-256 of it. */
  readonly payloadHash: string
  readonly record: RevocationRecord
  /** None: an announcement, which ends nothing. */
  readonly signatures: readonly RevocationSignature[]
  readonly reach: Reach
  /** The validator whose record it is, where the reach limit let it pass. */
  readonly automaticBy?: string
}

/**
 * Writes the intent to log a record or an announcement, exact bytes and all, as part of `trx`; only after its commit may the
 * leaf be appended. The same payload again: the row that is there.
 */
export async function addRevocation(
  trx: Transaction<TrustTables>,
  { payload, payloadHash, record, signatures, reach, automaticBy }: NewRevocation,
  now: Date,
): Promise<StoredRevocation> {
  const kind = signatures.length === 0 ? 'announcement' : 'record'
  await trx
    .insertInto('trust_revocations')
    .values({
      leaf: revocationLeaf(payload, signatures),
      payload_hash: payloadHash,
      kind,
      automatic_by: automaticBy ?? null,
      blocked: kind === 'record' && record.effect === 'blocked' ? record.digest : null,
      reach: JSON.stringify(reach),
      written_ms: now.getTime(),
      log_index: null,
    })
    .onConflict((conflict) => conflict.columns(['payload_hash', 'kind']).doNothing())
    .execute()
  return (await findRevocation(trx, { payloadHash, kind })) as StoredRevocation
}

/** The leaf with this payload, or undefined. */
export function findRevocation(
  tables: Kysely<TrustTables>,
  { payloadHash, kind }: { readonly payloadHash: string; readonly kind: 'record' | 'announcement' },
): Promise<StoredRevocation | undefined> {
  return tables
    .selectFrom('trust_revocations')
    .selectAll()
    .where('payload_hash', '=', payloadHash)
    .where('kind', '=', kind)
    .executeTakeFirst()
}

/** The leaf with this id. It must exist. */
export function readRevocation(tables: Kysely<TrustTables>, id: number): Promise<StoredRevocation> {
  return tables.selectFrom('trust_revocations').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

/**
 * How far the records of this validator that no approver has seen reached since `since`, all together. Records that are
 * written count, whether the log has them yet or not.
 */
export async function automaticReach(
  tables: Kysely<TrustTables>,
  validator: string,
  since: Date,
): Promise<EarlierReach> {
  const rows = await tables
    .selectFrom('trust_revocations')
    .select(['reach', 'log_index'])
    .where('automatic_by', '=', validator)
    .where('written_ms', '>', since.getTime())
    .execute()
  const groups = new Map<string, number>()
  let certifications = 0
  let stillActive = 0
  for (const row of rows) {
    const reach = JSON.parse(row.reach) as Reach
    certifications += reach.certifications
    if (row.log_index === null) stillActive += reach.certifications
    for (const { group, reached } of reach.groups) groups.set(group, (groups.get(group) ?? 0) + reached)
  }
  return { certifications, stillActive, groups }
}

/** The leaves that the log may not have yet, or whose effects are not stored yet, oldest first. */
export function openRevocationIntents(tables: Kysely<TrustTables>): Promise<StoredRevocation[]> {
  return tables.selectFrom('trust_revocations').selectAll().where('log_index', 'is', null).orderBy('id').execute()
}
