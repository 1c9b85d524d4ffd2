import type { Kysely } from 'kysely'
import type { ArtifactsDeps } from './artifactsDeps.ts'
import type { ArtifactsTables } from './artifactsTables.ts'

/** How long an artifact waits for its first submission, from the last time it was uploaded: 24 hours. */
export const UNSUBMITTED_KEPT_MS: number = 24 * 60 * 60 * 1000
/** Artifacts of one run; what is over waits for the next one. */
const MAX_REMOVED = 1000

/** What removing stands on. */
export interface RemoveDeps extends Pick<ArtifactsDeps, 'database' | 'store' | 'clock'> {
  /** Whether a release names these bytes. */
  isReleased(tables: Kysely<ArtifactsTables>, sha256: string): Promise<boolean>
}

/**
 * Removes artifacts that were uploaded more than a day ago and that no submission, certification or release names. What was
 * ever submitted stays, whatever came of it: it is catalogued again when an inspector improves. For a job.
 *
 * Each has a transaction of its own, so nobody can submit it or upload it again in between. In it the file goes first. A crash
 * after that leaves a row without a file, which is as good as no artifact: nobody can submit it, the next upload writes the
 * file again, the next run removes the row.
 */
export async function removeUnsubmitted(deps: RemoveDeps, signal?: AbortSignal): Promise<void> {
  const { database, store, clock } = deps
  const before = clock.now().getTime() - UNSUBMITTED_KEPT_MS
  for (const sha256 of await findUnsubmitted(database.tables<ArtifactsTables>(), before)) {
    if (signal?.aborted) return
    await database.transaction<ArtifactsTables, void>('artifacts.unsubmitted', async (trx) => {
      const stored = await trx
        .selectFrom('artifacts_stored')
        .select('stored_ms')
        .where('sha256', '=', sha256)
        .executeTakeFirst()
      if (stored === undefined || stored.stored_ms >= before || (await isNamed(deps, trx, sha256))) return
      await store.remove(sha256)
      await trx.deleteFrom('artifacts_stored').where('sha256', '=', sha256).execute()
    })
  }
}

/**
 * Removes what an upload left that a crash cut off: its temporary file, or its file without a row. Nobody was told that it is
 * stored. For the start, while nothing is uploaded.
 */
export async function removeLeftovers(deps: RemoveDeps): Promise<void> {
  const tables = deps.database.tables<ArtifactsTables>()
  const stored = await tables.selectFrom('artifacts_stored').select('sha256').execute()
  const known = new Set(stored.map(({ sha256 }) => sha256))
  for (const name of await deps.store.fileNames()) {
    if (!known.has(name) && !(await isNamed(deps, tables, name))) await deps.store.remove(name)
  }
}

async function findUnsubmitted(tables: Kysely<ArtifactsTables>, before: number): Promise<string[]> {
  const rows = await tables
    .selectFrom('artifacts_stored')
    .select('sha256')
    .where('stored_ms', '<', before)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('artifacts_submissions')
            .select('seq')
            .whereRef('artifacts_submissions.sha256', '=', 'artifacts_stored.sha256'),
        ),
      ),
    )
    .limit(MAX_REMOVED)
    .execute()
  return rows.map(({ sha256 }) => sha256)
}

async function isNamed({ isReleased }: RemoveDeps, tables: Kysely<ArtifactsTables>, sha256: string): Promise<boolean> {
  for (const table of ['artifacts_submissions', 'artifacts_certifications', 'trust_certifications'] as const) {
    if (await tables.selectFrom(table).select('sha256').where('sha256', '=', sha256).executeTakeFirst()) return true
  }
  return isReleased(tables, sha256)
}
