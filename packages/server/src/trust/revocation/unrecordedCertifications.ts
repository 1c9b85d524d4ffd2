import type { Database } from '@countersign/platform/database/database.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import type { RevocationRecord } from '@countersign/protocol/revocation/record.ts'
import type { Certificate } from '@countersign/protocol/x509/certificate.ts'
import { type ReadCertificationMark, readCertificationExtension } from '@countersign/protocol/x509/certification.ts'
import type { Kysely, Selectable, Transaction } from 'kysely'
import type { TrustTables, UnrecordedRow } from '../trustTables.ts'

/** A logged certificate that nobody here intended. */
export interface FoundCertificate {
  readonly issuerKeyId: string
  readonly logIndex: number
  readonly certificate: Certificate
}

/** A certification that still counts for whoever has not heard otherwise, and that this instance never issued. */
export interface UnrecordedCertification extends Selectable<UnrecordedRow> {
  /** Whether this instance has given the same number to another certification, which ends with it. */
  readonly isNumberIssued: boolean
}

/** Enough to see that keys are stolen; whoever forges more makes it no clearer. */
const MAX_SHOWN = 32
/** Numbers in one question: below SQLite's limit of 32,766 values. */
const MAX_NUMBERS = 1000

/**
 * Notes what certifications are among the certificates, as part of `trx`. A revocation list does not stop devices: they go by
 * the revocation log, and what is written there needs approvers. Returns the numbers, for whoever gives out the next.
 */
export async function noteUnrecorded(
  trx: Transaction<TrustTables>,
  found: readonly FoundCertificate[],
  now: Date,
): Promise<{ readonly authority: string; readonly number: bigint }[]> {
  const noted: { authority: string; number: bigint }[] = []
  for (const { issuerKeyId: authority, logIndex, certificate } of found) {
    const mark = markOf(certificate)
    if (mark === undefined) continue
    const row = {
      log_index: logIndex,
      authority,
      number: String(mark.number),
      sha256: toHex(mark.digests[0] ?? new Uint8Array()),
      subject: certificate.subjectAltNames[0]?.value ?? '',
      serial: certificate.serialHex,
      not_after_ms: certificate.notAfter.getTime(),
      found_ms: now.getTime(),
      ended_by: null,
    }
    await trx
      .insertInto('trust_unrecorded')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    noted.push({ authority, number: mark.number })
  }
  return noted
}

/** Those that no record has ended and that have not run out, newest first, 32 at most. */
export async function openUnrecorded(database: Database, now: Date): Promise<UnrecordedCertification[]> {
  const tables = database.tables<TrustTables>()
  const rows = await tables
    .selectFrom('trust_unrecorded')
    .selectAll()
    .where('ended_by', 'is', null)
    .where('not_after_ms', '>=', now.getTime())
    .orderBy('log_index', 'desc')
    .limit(MAX_SHOWN)
    .execute()
  const issued = rows.map(async ({ authority, number }) => {
    const reading = tables.selectFrom('trust_certifications').select('id').where('authority', '=', authority)
    return (await reading.where('number', '=', Number(number)).executeTakeFirst()) !== undefined
  })
  return Promise.all(rows.map(async (row, at) => ({ ...row, isNumberIssued: (await issued[at]) === true })))
}

/** Which of these numbers certifications have that were never issued. */
export async function unrecordedAmong(
  tables: Kysely<TrustTables>,
  authority: string,
  numbers: readonly bigint[],
): Promise<ReadonlySet<bigint>> {
  const found = new Set<bigint>()
  for (let from = 0; from < numbers.length; from += MAX_NUMBERS) {
    const asked = numbers.slice(from, from + MAX_NUMBERS).map(String)
    const reading = tables.selectFrom('trust_unrecorded').select('number').where('authority', '=', authority)
    for (const { number } of await reading.where('number', 'in', asked).execute()) found.add(BigInt(number))
  }
  return found
}

/** Every number of `authority` that was forged so far. */
export async function unrecordedNumbers(database: Database, authority: string): Promise<bigint[]> {
  const reading = database.tables<TrustTables>().selectFrom('trust_unrecorded').select('number')
  return (await reading.where('authority', '=', authority).execute()).map(({ number }) => BigInt(number))
}

/** Notes as part of `trx` which of them the logged record `id` ends. */
export async function noteUnrecordedEnded(
  trx: Transaction<TrustTables>,
  id: number,
  record: RevocationRecord,
): Promise<void> {
  const open = await trx.selectFrom('trust_unrecorded').selectAll().where('ended_by', 'is', null).execute()
  const ended = open.filter((row) => covers(record, row)).map(({ log_index: index }) => index)
  for (let from = 0; from < ended.length; from += MAX_NUMBERS) {
    const ending = trx.updateTable('trust_unrecorded').set({ ended_by: id })
    await ending.where('log_index', 'in', ended.slice(from, from + MAX_NUMBERS)).execute()
  }
}

function covers(record: RevocationRecord, { authority, number, sha256 }: Selectable<UnrecordedRow>): boolean {
  if (record.scope === 'certifications' && record.effect === 'ended') {
    return record.authority === authority && record.numbers.includes(BigInt(number))
  }
  if (record.scope !== 'digest' || !('digest' in record) || record.digest !== sha256) return false
  if (record.effect === 'blocked') return true
  return record.effect === 'ended' && record.authority === authority && BigInt(number) <= record.upTo
}

function markOf(certificate: Certificate): ReadCertificationMark | undefined {
  try {
    return readCertificationExtension(certificate)
  } catch (error) {
    // No verifier reads it either.
    if (!(error instanceof CodedError)) throw error
    return undefined
  }
}
