import type { Verdict } from '@countersign/protocol/api/artifacts.ts'
import type { CertificationDecision } from '@countersign/protocol/decide/decideToCertify.ts'

/** What an operator decided where the certification policy asked. */
export interface OperatorDecision {
  readonly does: 'certify' | 'refuse'
  /** Who, by the name of their account on the validator's machine. At most 128 characters. */
  readonly by: string
  /** At most 512 characters. */
  readonly why: string
  /** RFC 3339. */
  readonly at: string
  /** The advisory state of the verdict that they were shown. */
  readonly state: number
  /** What that asked about, as `askedOf` writes it. */
  readonly asked: readonly string[]
}

type Finding = Verdict['findings'][number]

/** True for the two answers after which a certification follows. */
export function certifies({ answer }: Pick<CertificationDecision, 'answer'>): boolean {
  return answer === 'certify' || answer === 'certify with exceptions'
}

/** What a decision that asks is about: the findings that the policy did not accept by itself, with how bad they are. */
export function askedOf({ findings }: Verdict, decision: CertificationDecision): string[] {
  return unaccepted(findings, decision).map(textOf)
}

/**
 * The decision with the operator's word in it. It counts for what they were shown and nothing else: a new finding, or a known
 * one that is worse now, is asked about again, and what the policy refuses stays refused. Findings that they accepted are
 * listed in the certification under their name.
 */
export function settle(
  { verdict, decision }: { readonly verdict: Verdict; readonly decision: CertificationDecision },
  { does, by, why, asked }: OperatorDecision,
): CertificationDecision {
  if (decision.answer !== 'ask') return decision
  const word = `${by} decided: ${why}`
  if (does === 'refuse') return { ...decision, answer: 'refuse', reasons: [word, ...decision.reasons] }
  const open = unaccepted(verdict.findings, decision)
  if (!open.every((finding) => asked.includes(textOf(finding)))) return decision
  const accepted = open.map((finding) => ({
    advisory: finding.advisory,
    component: finding.component,
    reason: `severity ${finding.severity}; ${word}`,
  }))
  const reasons = [word, ...decision.reasons].slice(0, 1000)
  const acceptedFindings = [...decision.acceptedFindings, ...accepted]
  return { ...decision, answer: 'certify with exceptions', reasons, acceptedFindings }
}

function unaccepted(findings: readonly Finding[], { acceptedFindings }: CertificationDecision): Finding[] {
  const accepted = new Set(acceptedFindings.map(({ advisory, component }) => `${advisory} ${component}`))
  return findings.filter(({ advisory, component }) => !accepted.has(`${advisory} ${component}`))
}

function textOf({ advisory, severity, component }: Finding): string {
  return `${advisory} (severity ${severity}) in ${component}`
}
