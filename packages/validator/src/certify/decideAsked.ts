import type { Verdict } from '@countersign/protocol/api/artifacts.ts'
import type { CertifyDeps } from './certifyDeps.ts'
import type { StoredSubmission } from './certifyStore.ts'
import { certifyError } from './errors.ts'
import { type Judgement, openCatalogue, rejudge, scannedUntilNow } from './judge.ts'
import { askedOf, certifies, type OperatorDecision, settle } from './operatorDecision.ts'

/** What an operator says. */
export type OperatorAnswer = Pick<OperatorDecision, 'does' | 'by' | 'why'>

/**
 * Decides about a submission that the policy leaves to the operator, over exactly the verdict that they were shown. Where the
 * advisories have moved on, it is matched again: what the policy refuses now is refused whatever the operator says, and what is
 * there to decide about in addition is asked anew. Durable when this resolves: who decided what, when, why, and over which
 * verdict. The work goes on from there as after every decision, also after a crash.
 * Throws `certify.unknown`, `certify.not-asked`, `certify.asked-anew`.
 */
export async function decideAsked(deps: CertifyDeps, id: string, answer: OperatorAnswer): Promise<StoredSubmission> {
  const row = await deps.store.submission(id)
  if (row === undefined)
    throw certifyError('certify.unknown', `there is no submission ${JSON.stringify(id.slice(0, 80))}`)
  if (row.stage !== 'asked') throw certifyError('certify.not-asked', `the submission is ${row.stage}`)
  const shown: Judgement = { verdict: JSON.parse(row.verdict ?? ''), decision: JSON.parse(row.decision ?? '') }
  const operator: OperatorDecision = {
    ...answer,
    at: deps.clock.now().toISOString(),
    state: shown.verdict.advisories.state,
    asked: askedOf(shown.verdict, shown.decision),
  }
  if (answer.does === 'refuse' || isCurrent(deps, shown.verdict)) return keep(deps, row, operator, shown)
  const now = { ...rejudge(deps, row, await openCatalogue(deps, row.catalogue_id ?? 0)), isNew: true }
  const kept = await keep(deps, row, operator, now)
  if (kept.stage !== 'asked') return kept
  throw certifyError(
    'certify.asked-anew',
    `the advisory state is ${now.verdict.advisories.state}, not ${operator.state}`,
  )
}

async function keep(
  deps: CertifyDeps,
  row: StoredSubmission,
  operator: OperatorDecision,
  judged: Judgement & { readonly isNew?: boolean },
): Promise<StoredSubmission> {
  const decision = settle(judged, operator)
  const isAskedAgain = decision.answer === 'ask'
  const kept = await deps.store.changeAsked(row.id, {
    stage: isAskedAgain ? 'asked' : certifies(decision) ? 'decided' : 'refused',
    operator: isAskedAgain ? null : JSON.stringify(operator),
    verdict: JSON.stringify(judged.verdict),
    scan: judged.isNew ? scannedUntilNow(deps, row) : row.scan,
    decision: JSON.stringify(decision),
    told: isAskedAgain ? 1 : 0,
  })
  if (kept === undefined) throw certifyError('certify.not-asked', 'somebody else has decided meanwhile')
  const { does, by } = operator
  deps.logger.info({ submission: row.id, operator: by, does, decision: decision.answer }, 'an operator decided')
  return kept
}

function isCurrent({ advisories }: CertifyDeps, { advisories: { state } }: Verdict): boolean {
  return advisories.state().state === state
}
