import type { RevocationRecord } from '@countersign/protocol/revocation/record.ts'
import type { Kysely } from 'kysely'
import type { TrustTables } from '../trustTables.ts'

/** A certification that a record names and that this instance issued. */
export interface NamedCertification {
  readonly id: number
  readonly authority: string
  readonly number: bigint
  /** Name of the validator. */
  readonly validator: string
  /** Of its certificate, lower-case hex. */
  readonly serial: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** Whether an earlier record ended it. */
  readonly isEnded: boolean
}

/** Numbers in one question: well below SQLite's limit of 32,766 values. */
const MAX_NUMBERS = 1000

/**
 * The certifications that `record` would end, ended and expired ones included, as far as this instance issued them. Records
 * that end nothing by themselves name none.
 */
export async function namedBy(tables: Kysely<TrustTables>, record: RevocationRecord): Promise<NamedCertification[]> {
  if (record.scope === 'certifications' && record.effect === 'ended') {
    return namedByNumbers(tables, record.authority, record.numbers)
  }
  if (record.scope !== 'digest' || (record.effect !== 'ended' && record.effect !== 'blocked')) return []
  let query = selection(tables).where('certification.sha256', '=', record.digest)
  if (record.effect === 'ended') {
    query = query
      .where('certification.authority', '=', record.authority)
      .where('certification.number', '<=', Number(record.upTo))
  }
  return (await query.execute()).map(named)
}

async function namedByNumbers(
  tables: Kysely<TrustTables>,
  authority: string,
  numbers: readonly bigint[],
): Promise<NamedCertification[]> {
  // A number beyond 2^53 was never given out, and would be rounded to one that was.
  const possible = numbers.filter((number) => number <= BigInt(Number.MAX_SAFE_INTEGER)).map(Number)
  const found: NamedCertification[] = []
  for (let from = 0; from < possible.length; from += MAX_NUMBERS) {
    const rows = await selection(tables)
      .where('certification.authority', '=', authority)
      .where('certification.number', 'in', possible.slice(from, from + MAX_NUMBERS))
      .execute()
    for (const row of rows) found.push(named(row))
  }
  return found
}

function selection(tables: Kysely<TrustTables>) {
  return tables
    .selectFrom('trust_certifications as certification')
    .innerJoin('trust_certificate_intents as intent', 'intent.id', 'certification.id')
    .select([
      'certification.id',
      'certification.authority',
      'certification.number',
      'certification.validator',
      'certification.not_before_ms',
      'certification.not_after_ms',
      'certification.ended_by',
      'intent.serial',
    ])
}

type Row = Awaited<ReturnType<ReturnType<typeof selection>['executeTakeFirstOrThrow']>>

function named(row: Row): NamedCertification {
  return {
    id: row.id,
    authority: row.authority,
    number: BigInt(row.number),
    validator: row.validator,
    serial: row.serial,
    notBefore: new Date(row.not_before_ms),
    notAfter: new Date(row.not_after_ms),
    isEnded: row.ended_by !== null,
  }
}
