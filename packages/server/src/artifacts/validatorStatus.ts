import type { Database } from '@countersign/platform/database/database.ts'
import type { ValidatorStatus } from '@countersign/protocol/api/artifacts.ts'
import type { ArtifactsDeps } from './artifactsDeps.ts'
import type { ArtifactsTables } from './artifactsTables.ts'

/** What a validator said of itself, and when. */
export interface ToldStatus {
  readonly validator: string
  readonly status: ValidatorStatus
  readonly toldAt: Date
}

/** Stores what a validator says of itself, in place of what it said before. */
export async function putValidatorStatus(
  { database, clock }: Pick<ArtifactsDeps, 'database' | 'clock'>,
  validator: string,
  status: ValidatorStatus,
): Promise<{ name: string }> {
  const told = { status: JSON.stringify(status), told_ms: clock.now().getTime() }
  await database.commitTogether<ArtifactsTables, void>('artifacts.validator-status', async (trx) => {
    await trx
      .insertInto('artifacts_validators')
      .values({ validator, ...told })
      .onConflict((conflict) => conflict.column('validator').doUpdateSet(told))
      .execute()
  })
  return { name: validator }
}

/** What every validator said last. */
export async function readValidatorStatus(database: Database): Promise<ToldStatus[]> {
  const rows = await database.tables<ArtifactsTables>().selectFrom('artifacts_validators').selectAll().execute()
  return rows.map((row) => ({
    validator: row.validator,
    status: JSON.parse(row.status) as ValidatorStatus,
    toldAt: new Date(row.told_ms),
  }))
}
