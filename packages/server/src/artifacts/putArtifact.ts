import { MAX_ARTIFACT_BYTES } from '@countersign/protocol/api/artifacts.ts'
import type { ArtifactsDeps, Person } from './artifactsDeps.ts'
import type { ArtifactsTables } from './artifactsTables.ts'
import { artifactsError } from './errors.ts'

/** What one person may store, in bytes: 64 GiB. */
export const MAX_PERSON_BYTES: number = 64 * 1024 ** 3
/** What stays free, so that logs and database can go on: 1 GiB. */
const RESERVE_BYTES = 1024 ** 3

/** An artifact on its way. */
export interface ArtifactUpload {
  /** Lower-case hex. */
  readonly sha256: string
  /** As the request says; undefined where it does not. */
  readonly sizeBytes: number | undefined
  readonly pieces: AsyncIterable<Uint8Array>
}

/**
 * Stores an artifact under its digest. One that is there already is not read again. When this resolves, the bytes survive
 * power loss, and stay a day at least for whoever submits them. Throws `artifacts.no-space`, `artifacts.quota`,
 * `files.digest-wrong`, and what reading the body throws.
 */
export async function putArtifact(
  { store, database, clock }: Pick<ArtifactsDeps, 'store' | 'database' | 'clock'>,
  { issuer, subject }: Person,
  { sha256, sizeBytes, pieces }: ArtifactUpload,
): Promise<{ sha256: string; sizeBytes: number }> {
  const tables = database.tables<ArtifactsTables>()
  const note = (size: number) =>
    database.commitTogether<ArtifactsTables, void>('artifacts.stored', async (trx) => {
      const now = { stored_ms: clock.now().getTime() }
      await trx
        .insertInto('artifacts_stored')
        .values({ sha256, size_bytes: size, issuer, subject, ...now })
        .onConflict((conflict) => conflict.column('sha256').doUpdateSet(now))
        .execute()
    })
  const known = await tables
    .selectFrom('artifacts_stored')
    .select('size_bytes')
    .where('sha256', '=', sha256)
    .executeTakeFirst()
  if (known !== undefined) {
    // Before looking for the file: from now on `removeUnsubmitted` leaves it alone.
    await note(known.size_bytes)
    // Another size on disk: something damaged it, and the upload repairs it.
    if ((await store.statArtifact(sha256)) === known.size_bytes) return { sha256, sizeBytes: known.size_bytes }
  }
  const used = await tables
    .selectFrom('artifacts_stored')
    .select((select) => select.fn.sum<number>('size_bytes').as('bytes'))
    .where('issuer', '=', issuer)
    .where('subject', '=', subject)
    .executeTakeFirst()
  const left = MAX_PERSON_BYTES - Number(used?.bytes ?? 0)
  if ((sizeBytes ?? 1) > left) throw artifactsError('artifacts.quota', `this person may store ${left} bytes more`)
  if ((await store.freeBytes()) - (sizeBytes ?? MAX_ARTIFACT_BYTES) < RESERVE_BYTES) {
    throw artifactsError('artifacts.no-space', 'too little is free on the disk of the server')
  }
  const written = await store.putArtifact(sha256, pieces, Math.min(left, MAX_ARTIFACT_BYTES))
  await note(written)
  return { sha256, sizeBytes: written }
}
