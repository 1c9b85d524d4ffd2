import type { Database } from '@countersign/platform/database/database.ts'
import type { CertificationRow, TrustTables } from '../trustTables.ts'

/** A certification by its issuing authority (key id) and number. */
export interface CertificationName {
  readonly authority: string
  readonly number: bigint
}

/** A certification that counts at this moment. */
export interface ActiveCertification extends CertificationName {
  /** Of the artifact, lower-case hex. */
  readonly sha256: string
  /** Name of the validator. */
  readonly validator: string
  readonly notAfter: Date
}

/** `ended` once a logged record ended it, for every use; `expired` when its time is over. */
export type CertificationState = 'active' | 'ended' | 'expired'

/**
 * What became of a certification at the time `now`; undefined where no such number was given out. A revocation counts from
 * the moment its effects are stored here, which is right after its log entry is published.
 */
export async function certificationState(
  database: Database,
  { authority, number }: CertificationName,
  now: Date,
): Promise<CertificationState | undefined> {
  const row = await database
    .tables<TrustTables>()
    .selectFrom('trust_certifications')
    .select(['ended_by', 'not_after_ms'])
    .where('authority', '=', authority)
    .where('number', '=', Number(number))
    .executeTakeFirst()
  return row && stateOf(row, now)
}

/** The certifications that count at the time `now`, by number; of one artifact (hex SHA-256) where it is named. */
export async function activeCertifications(
  database: Database,
  now: Date,
  sha256?: string,
): Promise<ActiveCertification[]> {
  let query = database
    .tables<TrustTables>()
    .selectFrom('trust_certifications')
    .selectAll()
    .where('ended_by', 'is', null)
    .where('not_after_ms', '>=', now.getTime())
  if (sha256 !== undefined) query = query.where('sha256', '=', sha256)
  const rows = await query.orderBy('authority').orderBy('number').execute()
  return rows.map(({ authority, number, sha256, validator, not_after_ms }) => ({
    authority,
    number: BigInt(number),
    sha256,
    validator,
    notAfter: new Date(not_after_ms),
  }))
}

/** How many certifications count at the time `now`. */
export async function countActive(database: Database, now: Date): Promise<number> {
  const { count } = await database
    .tables<TrustTables>()
    .selectFrom('trust_certifications')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('ended_by', 'is', null)
    .where('not_after_ms', '>=', now.getTime())
    .executeTakeFirstOrThrow()
  return count
}

/** The highest number that `authority` has given out; 0n before the first. */
export async function lastNumber(database: Database, authority: string): Promise<bigint> {
  const { last } = await database
    .tables<TrustTables>()
    .selectFrom('trust_certifications')
    .select((select) => select.fn.max('number').as('last'))
    .where('authority', '=', authority)
    .executeTakeFirstOrThrow()
  return BigInt(last ?? 0)
}

function stateOf({ ended_by, not_after_ms }: Pick<CertificationRow, 'ended_by' | 'not_after_ms'>, now: Date) {
  if (ended_by !== null) return 'ended'
  return now.getTime() > not_after_ms ? 'expired' : 'active'
}
