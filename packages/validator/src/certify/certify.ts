import type { Verdict } from '@countersign/protocol/api/artifacts.ts'
import type { CertificationDecision } from '@countersign/protocol/decide/decideToCertify.ts'
import { CodedError, hasCode } from '@countersign/protocol/errors/codedError.ts'
import { type Authority, isTransient, type SubmissionReport, type Work } from './authority.ts'
import type { CertifyDeps } from './certifyDeps.ts'
import type { StoredSubmission } from './certifyStore.ts'
import { certifyErrors } from './errors.ts'
import { finish } from './finish.ts'
import { intend } from './intend.ts'
import { judge } from './judge.ts'
import { certifies } from './operatorDecision.ts'

/** Codes that say something about the submission, not about this validator or the network. */
const final: ReadonlySet<string> = new Set(
  Object.entries(certifyErrors)
    .filter(([, row]) => row.kind === 'refused')
    .map(([code]) => code),
)

/**
 * One submission, from wherever it is to its end: certified, refused or failed, or to its operator, and the instance told. Called again after a
 * restart it goes on with the same bytes. Throws what may succeed later; the submission then stays where it is.
 */
export async function certify(deps: CertifyDeps, submission: StoredSubmission): Promise<StoredSubmission> {
  let row = submission
  try {
    if (row.stage === 'found') {
      await deps.authority.report(row.id, { state: 'inspecting' })
      row = await judge(deps, row)
    }
    if (row.stage === 'decided') row = await intend(deps, row)
    // Told only now, because the advisories may have moved on between the decision and the intent.
    if (row.stage === 'intended' || row.stage === 'refused') await tellVerdict(deps, row, 'decided')
    if (row.stage === 'intended') await finishIntended(deps, row)
  } catch (error) {
    if (!isFinal(error)) throw error
    row = await fail(deps, row, error)
  }
  return tell(deps, (await deps.store.submission(row.id)) ?? row)
}

/** Keeps what the instance handed over. Known: what is kept stays. */
export function takeSubmission(deps: CertifyDeps, work: Work): Promise<StoredSubmission> {
  return deps.store.addSubmission({
    id: work.id,
    sha256: work.sha256,
    size_bytes: work.sizeBytes,
    name: work.name,
    signature_sha256: work.signatureSha256,
    signature: work.signature,
    product: work.product ?? null,
    version: work.version ?? null,
    submitted_by: JSON.stringify(work.submittedBy),
    submitted_at: work.submittedAt,
    stage: 'found',
    catalogue_id: null,
    verdict: null,
    decision: null,
    failure: null,
    told: 0,
  })
}

async function tellVerdict(
  { authority, logger }: CertifyDeps,
  row: StoredSubmission,
  state: 'asked' | 'decided',
): Promise<void> {
  const verdict = JSON.parse(row.verdict ?? '') as Verdict
  const { answer, reasons } = JSON.parse(row.decision ?? '') as CertificationDecision
  await tellUnlessPassed(authority, row.id, { state, verdict, decision: { answer, reasons: [...reasons] } })
  logger.info({ submission: row.id, verdict: verdict.answer, decision: answer }, `a submission was ${state}`)
}

async function finishIntended(deps: CertifyDeps, row: StoredSubmission): Promise<void> {
  const begun = await deps.store.certificationOf(row.id)
  if (begun === undefined) throw new TypeError('a submission is intended and has no intent')
  const { id, number, authority } = await finish(deps, begun)
  deps.logger.info({ submission: row.id, certification: id, authority, number }, 'a submission was certified')
}

async function fail(deps: CertifyDeps, row: StoredSubmission, error: CodedError): Promise<StoredSubmission> {
  const failure = { code: error.code, message: error.message.slice(0, 1024) }
  deps.logger.warn({ submission: row.id, ...failure }, 'a submission failed')
  const begun = await deps.store.certificationOf(row.id)
  // An intent whose certificate was refused for good holds nothing that anybody could use.
  const isVoid = begun?.number === null && !hasCode(error, 'certify.ended-before-use')
  const failed = await deps.store.failSubmission(row.id, JSON.stringify(failure), isVoid)
  if (begun !== undefined && isVoid) deps.index.remove(begun.id)
  return failed
}

/** Tells the instance how it ended; `certified` was told before the certification became active. */
async function tell(deps: CertifyDeps, row: StoredSubmission): Promise<StoredSubmission> {
  if (row.told === 1 || (row.stage !== 'asked' && row.stage !== 'refused' && row.stage !== 'failed')) return row
  if (row.stage === 'asked') await tellVerdict(deps, row, 'asked')
  else if (row.stage === 'refused') {
    const decision = JSON.parse(row.decision ?? '') as CertificationDecision
    if (certifies(decision)) throw new TypeError('a decision to certify is not refused')
    await tellUnlessPassed(deps.authority, row.id, { state: 'refused' })
  } else {
    const failure = JSON.parse(row.failure ?? '') as { code: string; message: string }
    await tellUnlessPassed(deps.authority, row.id, { state: 'failed', failure })
  }
  return deps.store.changeSubmission(row.id, { told: 1 })
}

/** A crash may have come between telling and keeping that it was told; the instance is further then, and that is as good. */
async function tellUnlessPassed(authority: Authority, id: string, report: SubmissionReport): Promise<void> {
  try {
    await authority.report(id, report)
  } catch (error) {
    if (!hasCode(error, 'artifacts.state-passed')) throw error
  }
}

/** Statuses that speak of this validator or the moment, not of the submission. */
const passing: ReadonlySet<number> = new Set([401, 403, 408, 425, 429])

/** What the instance refuses for good, and what this validator says no to. Everything else is tried again later. */
function isFinal(error: unknown): error is CodedError {
  if (!(error instanceof CodedError) || isTransient(error)) return false
  const status = Number(error.detail?.status)
  return final.has(error.code) || (status >= 400 && status < 500 && !passing.has(status))
}
