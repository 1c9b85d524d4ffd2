import type { Database } from '@countersign/platform/database/database.ts'
import type { finding } from '@countersign/protocol/api/artifacts.ts'
import type { Kysely } from 'kysely'
import type { z } from 'zod'
import { certificationState } from '../trust/authority/certifications.ts'
import type { ArtifactsDeps } from './artifactsDeps.ts'
import type { ArtifactsTables } from './artifactsTables.ts'
import { artifactsError } from './errors.ts'

/** One advisory meeting one component. */
export type Finding = z.infer<typeof finding>

/** What a validator tells that one advisory reaches. */
export interface FindingsReport {
  readonly advisory: string
  readonly aliases: readonly string[]
  readonly reached: readonly { readonly number: string; readonly finding: Finding }[]
}

/** A device that stands behind a certification. */
export interface AffectedDevice {
  readonly name: string
  readonly group: string
  /** False where it is only assigned what the certification is for. */
  readonly isRunning: boolean
}

/** Rows of one INSERT: well below SQLite's limit of 32,766 values. */
const MAX_ROWS = 1000

/**
 * Stores what an advisory reaches, in place of what the same validator told before. Only its own certifications count;
 * numbers of others are left out. Durable when this resolves; resolves with how many certifications are
 * reached, each through one component or several.
 */
export async function reportFindings(
  { database, clock }: Pick<ArtifactsDeps, 'database' | 'clock'>,
  validator: string,
  { advisory, aliases, reached }: FindingsReport,
): Promise<{ reached: number }> {
  return database.transaction<ArtifactsTables, { reached: number }>('artifacts.findings', async (trx) => {
    const key = { validator, advisory }
    for (const table of ['artifacts_reached', 'artifacts_advisory_names', 'artifacts_advisories'] as const) {
      await trx.deleteFrom(table).where('validator', '=', validator).where('advisory', '=', advisory).execute()
    }
    const own = await ownNumbers(
      trx,
      validator,
      reached.map(({ number }) => Number(number)),
    )
    const rows = new Map(
      reached
        .filter(({ number }) => own.has(Number(number)))
        .map(({ number, finding }) => {
          const { component } = finding
          return { ...key, number: Number(number), component, finding: JSON.stringify(finding) }
        })
        .map((row) => [`${row.number} ${row.component}`, row]),
    )
    if (rows.size === 0) return { reached: 0 }
    const told = { ...key, aliases: JSON.stringify(aliases), told_ms: clock.now().getTime() }
    await trx.insertInto('artifacts_advisories').values(told).execute()
    const names = [...new Set([advisory, ...aliases])].map((name) => ({ ...key, name }))
    await trx.insertInto('artifacts_advisory_names').values(names).execute()
    for (const page of pages([...rows.values()])) await trx.insertInto('artifacts_reached').values(page).execute()
    return { reached: new Set([...rows.values()].map(({ number }) => number)).size }
  })
}

async function ownNumbers(
  trx: Kysely<ArtifactsTables>,
  validator: string,
  numbers: readonly number[],
): Promise<ReadonlySet<number>> {
  const own = new Set<number>()
  for (const page of pages(numbers)) {
    const rows = await trx
      .selectFrom('trust_certifications')
      .select('number')
      .where('validator', '=', validator)
      .where('number', 'in', page)
      .execute()
    for (const { number } of rows) own.add(number)
  }
  return own
}

function* pages<T>(all: readonly T[]): Generator<T[]> {
  for (let from = 0; from < all.length; from += MAX_ROWS) yield all.slice(from, from + MAX_ROWS)
}

/** What telling who is affected stands on. */
export interface AffectedDeps {
  readonly database: Database
  /** The devices behind a certification of this artifact. */
  devicesOf(certification: { authority: string; number: bigint; sha256: string }): Promise<readonly AffectedDevice[]>
}

/** Certifications of one answer. */
const MAX_AFFECTED = 10_000

/**
 * What an advisory reaches, by its id or an alias, as the validators told last: certifications whatever became of them,
 * and the devices behind them. Throws `artifacts.advisory-unknown`.
 */
export async function readAffected({ database, devicesOf }: AffectedDeps, name: string, now: Date) {
  const rows = await readReached(database.tables<ArtifactsTables>(), name)
  const [first] = rows
  if (first === undefined)
    throw artifactsError('artifacts.advisory-unknown', 'nothing here is reached by this advisory')
  const affected = []
  for (const row of rows) {
    const certification = { authority: row.authority, number: BigInt(row.number), sha256: row.sha256 }
    affected.push({
      number: String(row.number),
      validator: row.validator,
      sha256: row.sha256,
      product: row.product,
      version: row.version,
      state: (await certificationState(database, certification, now)) ?? ('ended' as const),
      finding: JSON.parse(row.finding) as Finding,
      devices: [...(await devicesOf(certification))],
    })
  }
  const aliases = [...new Set(rows.flatMap((row) => JSON.parse(row.aliases) as string[]))]
  return { advisory: first.advisory, aliases, affected }
}

function readReached(tables: Kysely<ArtifactsTables>, name: string) {
  return tables
    .selectFrom('artifacts_advisory_names as named')
    .innerJoin('artifacts_advisories as told', (join) =>
      join.onRef('told.validator', '=', 'named.validator').onRef('told.advisory', '=', 'named.advisory'),
    )
    .innerJoin('artifacts_reached as reached', (join) =>
      join.onRef('reached.validator', '=', 'named.validator').onRef('reached.advisory', '=', 'named.advisory'),
    )
    .innerJoin('artifacts_certifications as certified', (join) =>
      join.onRef('certified.validator', '=', 'reached.validator').onRef('certified.number', '=', 'reached.number'),
    )
    .select([
      'told.advisory',
      'told.aliases',
      'reached.number',
      'reached.finding',
      'certified.authority',
      'certified.validator',
      'certified.sha256',
      'certified.product',
      'certified.version',
    ])
    .where('named.name', '=', name)
    .orderBy('reached.number')
    .orderBy('reached.component')
    .limit(MAX_AFFECTED)
    .execute()
}
