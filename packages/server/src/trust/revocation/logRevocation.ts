import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Outbox } from '@countersign/platform/outbox/outbox.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { parseRevocationLeaf } from '@countersign/protocol/revocation/envelope.ts'
import type { RevocationRecord } from '@countersign/protocol/revocation/record.ts'
import type { Transaction } from 'kysely'
import { leafEntry } from '../../log/leafEntry.ts'
import type { TransparencyLog } from '../../log/transparencyLog.ts'
import type { TrustTables } from '../trustTables.ts'
import { type NamedCertification, namedBy } from './endedBy.ts'
import { openRevocationIntents, type StoredRevocation } from './revocationStore.ts'
import { revokeCertificates } from './revokeCertificate.ts'
import { noteUnrecordedEnded } from './unrecordedCertifications.ts'

/** The event that follows every record: {record, authority?, numbers?, digest?}, numbers in decimal digits. */
export const REVOCATION_LOGGED = 'trust.revocation-logged'

/** What logging a record stands on. */
export interface LogRevocationDeps {
  readonly database: Database
  readonly clock: Clock
  readonly outbox: Pick<Outbox, 'emit'>
  /** The revocation log. */
  readonly log: Pick<TransparencyLog, 'append'>
}

/** Rows in one UPDATE. */
const MAX_ROWS = 1000

/**
 * Logs a leaf whose intent is durable, then stores what it does: ended certifications, their CRL entries, the event. When
 * this resolves, everyone can see the record and this instance acts on it. Repeat it after any crash or failure: the same
 * leaf has the same place, and its effects are stored once. Resolves with the leaf index. Throws what the log throws.
 */
export async function logRevocation(deps: LogRevocationDeps, stored: StoredRevocation): Promise<bigint> {
  if (stored.log_index !== null) return BigInt(stored.log_index)
  const leaf = new Uint8Array(stored.leaf)

  // A crash before or in this step leaves an intent without a result; `finishRevocations` appends the same bytes.
  const { index } = await deps.log.append(leafEntry(leaf))

  // A crash here leaves a record that devices obey and this instance does not yet; `finishRevocations` gets here again.
  const { record } = parseRevocationLeaf(leaf)
  await deps.database.transaction<TrustTables, void>('trust.revocation-result', async (trx) => {
    const noted = await trx
      .updateTable('trust_revocations')
      .set({ log_index: Number(index) })
      .where('id', '=', stored.id)
      .where('log_index', 'is', null)
      .executeTakeFirst()
    if (noted.numUpdatedRows === 0n || stored.kind !== 'record') return
    await storeEffects(deps, trx, { id: stored.id, record, index })
  })
  return index
}

/**
 * Logs again what a crash or a full disk cut off between intent and result. For the start, before requests come in, and
 * for a job: a revocation that somebody was promised must not wait for them to ask again. Resolves with how many it finished.
 */
export async function finishRevocations(deps: LogRevocationDeps): Promise<number> {
  const open = await openRevocationIntents(deps.database.tables<TrustTables>())
  for (const stored of open) await logRevocation(deps, stored)
  return open.length
}

async function storeEffects(
  { clock, outbox }: LogRevocationDeps,
  trx: Transaction<TrustTables>,
  { id, record, index }: { id: number; record: RevocationRecord; index: bigint },
): Promise<void> {
  const ending = (await namedBy(trx, record)).filter(({ isEnded }) => !isEnded)
  await noteEnded(trx, id, ending)
  await noteUnrecordedEnded(trx, id, record)
  for (const [authority, ended] of Map.groupBy(ending, (one) => one.authority)) {
    const revocations = ended.map(({ serial, notBefore }) => {
      // From its own beginning: timestamp-aware tools keep what was stamped before the date (design 3).
      return { serial, effect: { kind: 'ended', notBefore }, reason: 'unspecified' } as const
    })
    await revokeCertificates({ trx, outbox, now: clock.now() }, authority, revocations)
  }
  await outbox.emit(trx, { kind: REVOCATION_LOGGED, payload: eventOf(record, index) })
}

async function noteEnded(
  trx: Transaction<TrustTables>,
  record: number,
  ending: readonly NamedCertification[],
): Promise<void> {
  for (let from = 0; from < ending.length; from += MAX_ROWS) {
    const ids = ending.slice(from, from + MAX_ROWS).map(({ id }) => id)
    await trx.updateTable('trust_certifications').set({ ended_by: record }).where('id', 'in', ids).execute()
  }
}

function eventOf(record: RevocationRecord, index: bigint): JsonValue {
  return {
    record: index.toString(),
    ...('authority' in record && { authority: record.authority }),
    ...('numbers' in record && { numbers: record.numbers.map(String) }),
    ...('digest' in record && { digest: record.digest }),
  }
}
