import type { Outbox } from '@countersign/platform/outbox/outbox.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { CRL_REASONS, type CrlReason } from '@countersign/protocol/x509/crl.ts'
import type { Transaction } from 'kysely'
import { crlShard, serialFromHex } from '../authority/serial.ts'
import { trustError } from '../errors.ts'
import type { RevokedRow, TrustTables } from '../trustTables.ts'

/** The event that follows every revocation; its handler publishes the lists that changed. */
export const CERTIFICATES_REVOKED = 'trust.certificates-revoked'

/** The transaction of a revocation, and where its consequences are written. */
export interface RevokeDeps {
  readonly trx: Transaction<TrustTables>
  readonly outbox: Pick<Outbox, 'emit'>
  readonly now: Date
}

/** Which certificate loses trust, and since when. */
export interface Revocation {
  readonly issuerKeyId: string
  /** Lower-case hex. */
  readonly serial: string
  /**
   * `ended`: the claim is no longer true, for any use and whatever a timestamp says, so it counts from the certificate's
   * own beginning. `distrusted`: the key or account was in wrong hands from a date; what was stamped before stays valid.
   */
  readonly effect:
    | { readonly kind: 'ended'; readonly notBefore: Date }
    | { readonly kind: 'distrusted'; readonly from: Date }
  readonly reason: CrlReason
}

/** Most rows of one INSERT: well below SQLite's limit of 32,766 values. */
const MAX_ROWS = 1000

/**
 * Enters a revocation as part of `trx`, with the event that has the list of its shard published. Entries are never
 * removed, and a second revocation of the same certificate can only move its date back: what a list once said stays said.
 * Throws `trust.issuer-unknown`, `trust.serial-wrong`, `trust.date-in-future`.
 */
export function revokeCertificate(deps: RevokeDeps, { issuerKeyId, ...one }: Revocation): Promise<void> {
  return revokeCertificates(deps, issuerKeyId, [one])
}

/** As `revokeCertificate`, for many certificates of one issuer and with one event: an advisory may end 50,000. */
export async function revokeCertificates(
  { trx, outbox, now }: RevokeDeps,
  issuerKeyId: string,
  revocations: readonly Omit<Revocation, 'issuerKeyId'>[],
): Promise<void> {
  const issuer = await trx
    .selectFrom('trust_issuers')
    .select('crl_shards')
    .where('key_id', '=', issuerKeyId)
    .executeTakeFirst()
  if (!issuer?.crl_shards) throw trustError('trust.issuer-unknown', 'no issuer of this instance has this key id')
  const rows = revocations.map((one) => revokedRow(one, { issuerKeyId, shards: issuer.crl_shards, now }))
  for (let from = 0; from < rows.length; from += MAX_ROWS) await enter(trx, rows.slice(from, from + MAX_ROWS))
  await outbox.emit(trx, { kind: CERTIFICATES_REVOKED, payload: { issuerKeyId, certificates: rows.length } })
}

function revokedRow(
  { serial: serialHex, effect, reason }: Omit<Revocation, 'issuerKeyId'>,
  { issuerKeyId, shards, now }: { issuerKeyId: string; shards: number; now: Date },
): RevokedRow {
  const serial = serialFromHex(serialHex)
  const from = effect.kind === 'ended' ? effect.notBefore : effect.from
  if (from > now) throw trustError('trust.date-in-future', 'the revocation would count from a date in the future')
  return {
    issuer_key_id: issuerKeyId,
    serial: toHex(serial),
    shard: crlShard(serial, shards),
    // Lists hold whole seconds; rounding down never forgives a second.
    revoked_from_ms: Math.floor(from.getTime() / 1000) * 1000,
    reason: CRL_REASONS[reason],
    recorded_ms: now.getTime(),
  }
}

async function enter(trx: RevokeDeps['trx'], rows: readonly RevokedRow[]): Promise<void> {
  await trx
    .insertInto('trust_revoked')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['issuer_key_id', 'serial'])
        .doUpdateSet((set) => ({
          revoked_from_ms: set.ref('excluded.revoked_from_ms'),
          reason: set.ref('excluded.reason'),
          recorded_ms: set.ref('excluded.recorded_ms'),
        }))
        .whereRef('trust_revoked.revoked_from_ms', '>', 'excluded.revoked_from_ms'),
    )
    .execute()
}
