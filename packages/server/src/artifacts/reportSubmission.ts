import type { Submission, Verdict } from '@countersign/protocol/api/artifacts.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import type { Kysely, Updateable } from 'kysely'
import type { AuditIntent } from '../account/audit/auditStore.ts'
import type { ArtifactsDeps } from './artifactsDeps.ts'
import type { ArtifactsTables, StoredCertificationRow, SubmissionRow } from './artifactsTables.ts'
import { checkCertification } from './checkCertification.ts'
import { artifactsError } from './errors.ts'
import { describeSubmission, findSubmission, type StoredSubmission, submissionKey } from './submissionStore.ts'

/** What a validator tells about one submission. */
export type SubmissionReport =
  | { readonly state: 'inspecting' }
  | {
      readonly state: 'asked' | 'decided'
      readonly verdict: Verdict
      readonly decision: NonNullable<Submission['decision']>
    }
  | { readonly state: 'certified'; readonly certification: string; readonly sbom: string; readonly findings: string }
  | { readonly state: 'refused' }
  | { readonly state: 'failed'; readonly failure: NonNullable<Submission['failure']> }

/** States in their order; the last three exclude each other. */
const RANKS: Readonly<Record<string, number>> = {
  waiting: 0,
  inspecting: 1,
  asked: 2,
  decided: 3,
  certified: 4,
  refused: 4,
  failed: 4,
}
const END = 4

/**
 * Moves a submission of `validator` on. A state that is reached already changes nothing, so a report may be repeated; going
 * back is refused. A certification is stored and served only where it verifies, under a number that this instance gave to
 * this validator for this artifact. Durable, and on record where it ends the submission, when this resolves.
 * Throws `artifacts.submission-unknown`, `artifacts.state-passed`, `artifacts.certification-wrong`,
 * `artifacts.number-unknown`, and `bundle.*` for what is no bundle.
 */
export async function reportSubmission(
  deps: ArtifactsDeps,
  validator: string,
  id: string,
  report: SubmissionReport,
): Promise<Submission> {
  const row = await findOwn(deps.database.tables<ArtifactsTables>(), validator, id)
  if (hasReached(row, report)) return describeSubmission(row)
  const certification = report.state === 'certified' ? await checkCertification(deps, row, report) : undefined
  const { changed, intent } = await deps.database.transaction<ArtifactsTables, Changed>(
    'artifacts.report',
    async (trx) => {
      const current = await findOwn(trx, validator, id)
      if (hasReached(current, report)) return { changed: current }
      if (certification !== undefined) await addCertification(trx, certification)
      const changed = await trx
        .updateTable('artifacts_submissions')
        .set({ ...valuesOf(report, certification), revision: current.revision + 1 })
        .where('seq', '=', current.seq)
        .returningAll()
        .executeTakeFirstOrThrow()
      if (RANKS[changed.state] !== END) return { changed }
      return { changed, intent: await deps.audit.intend(trx, endEvent(changed)) }
    },
  )
  deps.waiters.wake(submissionKey(id))
  if (intent !== undefined) await deps.audit.settle(intent)
  return describeSubmission(changed)
}

interface Changed {
  readonly changed: StoredSubmission
  readonly intent?: AuditIntent
}

async function findOwn(tables: Kysely<ArtifactsTables>, validator: string, id: string): Promise<StoredSubmission> {
  const row = await findSubmission(tables, id)
  if (row?.validator === validator) return row
  throw artifactsError('artifacts.submission-unknown', 'this validator has no such submission')
}

function hasReached({ state }: StoredSubmission, report: SubmissionReport): boolean {
  if (state === report.state) return true
  const [now, then] = [RANKS[state] ?? 0, RANKS[report.state] ?? 0]
  if (now >= then)
    throw artifactsError('artifacts.state-passed', `the submission is ${state}, not ${report.state} any more`)
  // Without a recorded decision over a finished verdict there is no certification and no refusal.
  if ((report.state === 'certified' || report.state === 'refused') && state !== 'decided') {
    throw artifactsError('artifacts.state-passed', `the submission is ${state}: its decision was not told`)
  }
  return false
}

function valuesOf(
  report: SubmissionReport,
  certification: StoredCertificationRow | undefined,
): Updateable<SubmissionRow> {
  const { state } = report
  const open = state === 'asked' || RANKS[state] === END ? 0 : 1
  if (report.state === 'asked' || report.state === 'decided') {
    return { state, open, verdict: JSON.stringify(report.verdict), decision: JSON.stringify(report.decision) }
  }
  if (report.state === 'failed') return { state, open, failure: JSON.stringify(report.failure) }
  if (certification === undefined) return { state, open }
  return { state, open, certification_number: String(certification.number) }
}

async function addCertification(trx: Kysely<ArtifactsTables>, row: StoredCertificationRow): Promise<void> {
  await trx
    .insertInto('artifacts_certifications')
    .values(row)
    .onConflict((conflict) => conflict.columns(['authority', 'number']).doNothing())
    .execute()
}

function endEvent(row: StoredSubmission): { kind: string; actor: JsonValue; detail: JsonValue } {
  const { id, sha256, state, certification_number: number } = row
  const detail = { id, sha256, state, ...(number !== null && { number }) }
  return { kind: 'submission.ended', actor: { validator: row.validator }, detail }
}
