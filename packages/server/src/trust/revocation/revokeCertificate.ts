import type { Outbox } from '@countersign/platform/outbox/outbox.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { CRL_REASONS, type CrlReason } from '@countersign/protocol/x509/crl.ts'
import type { Transaction } from 'kysely'
import { crlShard, serialFromHex } from '../authority/serial.ts'
import { trustError } from '../errors.ts'
import type { TrustTables } from '../trustTables.ts'

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

/**
 * Enters a revocation as part of `trx`, with the event that has the list of its shard published. Entries are never
 * removed, and a second revocation of the same certificate can only move its date back: what a list once said stays said.
 * Throws `trust.issuer-unknown`, `trust.serial-wrong`, `trust.date-in-future`.
 */
export async function revokeCertificate({ trx, outbox, now }: RevokeDeps, revocation: Revocation): Promise<void> {
  const { issuerKeyId, effect } = revocation
  const serial = serialFromHex(revocation.serial)
  const from = effect.kind === 'ended' ? effect.notBefore : effect.from
  if (from > now) throw trustError('trust.date-in-future', 'the revocation would count from a date in the future')
  const issuer = await trx
    .selectFrom('trust_issuers')
    .select('crl_shards')
    .where('key_id', '=', issuerKeyId)
    .executeTakeFirst()
  if (!issuer?.crl_shards) throw trustError('trust.issuer-unknown', 'no issuer of this instance has this key id')
  // Lists hold whole seconds; rounding down never forgives a second.
  const fromMs = Math.floor(from.getTime() / 1000) * 1000
  const entry = { revoked_from_ms: fromMs, reason: CRL_REASONS[revocation.reason], recorded_ms: now.getTime() }
  await trx
    .insertInto('trust_revoked')
    .values({ issuer_key_id: issuerKeyId, serial: toHex(serial), shard: crlShard(serial, issuer.crl_shards), ...entry })
    .onConflict((conflict) =>
      conflict
        .columns(['issuer_key_id', 'serial'])
        .doUpdateSet(entry)
        .where('trust_revoked.revoked_from_ms', '>', fromMs),
    )
    .execute()
  await outbox.emit(trx, { kind: CERTIFICATES_REVOKED, payload: { issuerKeyId, serial: toHex(serial) } })
}
