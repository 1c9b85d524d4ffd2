import type { Submission } from '@countersign/protocol/api/artifacts.ts'
import type { Kysely, Selectable } from 'kysely'
import type { ArtifactsTables, SubmissionRow } from './artifactsTables.ts'

/** A submission as the database holds it. */
export type StoredSubmission = Selectable<SubmissionRow>

/** The submission with this id, or undefined. */
export function findSubmission(tables: Kysely<ArtifactsTables>, id: string): Promise<StoredSubmission | undefined> {
  return tables.selectFrom('artifacts_submissions').selectAll().where('id', '=', id).executeTakeFirst()
}

/** The submission as the API shows it. */
export function describeSubmission(row: StoredSubmission): Submission {
  return {
    id: row.id,
    sha256: row.sha256,
    sizeBytes: row.size_bytes,
    name: row.name,
    signatureSha256: row.signature_sha256,
    ...(row.product !== null && { product: row.product }),
    ...(row.version !== null && { version: row.version }),
    validator: row.validator,
    submittedBy: { issuer: row.issuer, subject: row.subject },
    submittedAt: new Date(row.submitted_ms).toISOString(),
    state: row.state as Submission['state'],
    ...(row.verdict !== null && { verdict: JSON.parse(row.verdict) }),
    ...(row.decision !== null && { decision: JSON.parse(row.decision) }),
    ...(row.certification_number !== null && { certificationNumber: row.certification_number }),
    ...(row.failure !== null && { failure: JSON.parse(row.failure) }),
    revision: row.revision,
  }
}

/** What changes when the submission does; who waits for it is woken by this name. */
export const submissionKey = (id: string): string => `submission ${id}`

/** What changes when a validator gets something to do. */
export const workKey = (validator: string): string => `work ${validator}`
