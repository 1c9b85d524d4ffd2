import { type CertificationPolicy, EVIDENCE, UNACCEPTABLE_GAPS } from '../policy/certificationPolicy.ts'
import { matchesPath } from '../policy/pathPattern.ts'
import type { CertificationFacts, Finding, FoundGap } from './facts.ts'

/** What a certification policy makes of a verdict. */
export interface CertificationDecision {
  readonly answer: 'certify' | 'certify with exceptions' | 'refuse' | 'ask'
  /** What stands against *certify*, in words, at most 1000; for the other answers what was accepted. */
  readonly reasons: readonly string[]
  /** Listed in the certification (design, section 8, rule 2). */
  readonly acceptedFindings: readonly {
    readonly advisory: string
    readonly component: string
    readonly reason: string
  }[]
  readonly acceptedGaps: readonly { readonly code: string; readonly path: string; readonly reason: string }[]
}

/** What became of one finding or gap. */
type Ruling = { readonly does: 'accept' | 'ask' | 'refuse'; readonly reason: string }

/**
 * The certification decision: may this be certified under this policy? Clean means certify. Findings and gaps that the
 * policy accepts are named in the answer; one that it does not accept refuses the whole. Nothing found, missing advisory
 * data and an inspector that died refuse whatever the policy says. Trusts `facts` to come from this validator's own
 * inspector and matching; `now` is read once by the caller.
 */
export function decideToCertify(
  facts: CertificationFacts,
  policy: CertificationPolicy,
  now: Date,
): CertificationDecision {
  const { verdict } = facts
  const findings = verdict.findings.map((finding) => ({ finding, ruling: ruleFinding(finding, facts, policy, now) }))
  const gaps = verdict.gaps.map((gap) => ({ gap, ruling: ruleGap(gap, facts.product, policy, now) }))
  const rulings = [...findings, ...gaps].map(({ ruling }) => ruling)
  const against = [
    ...unacceptable(facts),
    ...weakEvidence(facts, policy),
    ...rulings.filter(({ does }) => does === 'refuse').map(({ reason }) => reason),
  ]
  const asks = rulings.filter(({ does }) => does === 'ask').map(({ reason }) => reason)
  const acceptedFindings = findings
    .filter(({ ruling }) => ruling.does === 'accept')
    .map(({ finding, ruling }) => ({ advisory: finding.advisory, component: finding.component, reason: ruling.reason }))
  const acceptedGaps = gaps
    .filter(({ ruling }) => ruling.does === 'accept')
    .map(({ gap, ruling }) => ({ code: gap.code, path: gap.path, reason: ruling.reason }))
  const accepted = [...acceptedFindings, ...acceptedGaps].map(({ reason }) => reason)
  const answer =
    against.length > 0
      ? 'refuse'
      : asks.length > 0
        ? 'ask'
        : accepted.length > 0
          ? 'certify with exceptions'
          : 'certify'
  const reasons = answer === 'refuse' ? [...against, ...asks] : answer === 'ask' ? asks : accepted
  return { answer, reasons: reasons.slice(0, MAX_REASONS).map(shortened), acceptedFindings, acceptedGaps }
}

const MAX_REASONS = 1000
const MAX_REASON_CHARACTERS = 1024

/** Looks at the verdict itself, so that no name of a gap and no policy can talk it away. */
function unacceptable({ verdict, evidence }: CertificationFacts): string[] {
  const { answer, components, findings, gaps, advisories } = verdict
  const never = gaps.filter(({ code }) => UNACCEPTABLE_GAPS.has(code)).map(({ code, detail }) => `${code}: ${detail}`)
  if (components === 0) never.push('no component was found, which is never clean')
  if (evidence.length !== components) never.push('it is not known of every component how it was found')
  if (advisories.asOf === undefined || advisories.records === 0)
    never.push('no advisory data: nothing can be certified')
  if (answer === 'incomplete' && gaps.length === 0) never.push('the verdict is incomplete and names no gap')
  if (answer === 'affected' && findings.length === 0) never.push('the verdict is affected and names no finding')
  return never
}

function weakEvidence({ evidence }: CertificationFacts, { requiredEvidence }: CertificationPolicy): string[] {
  const least = EVIDENCE.indexOf(requiredEvidence)
  return evidence
    .filter((one) => EVIDENCE.indexOf(one.evidence) < least)
    .map((one) => `${one.component} is known by ${one.evidence} only, the policy asks for ${requiredEvidence}`)
}

function ruleFinding(
  { advisory, aliases, component, severity }: Finding,
  { product, submittedBy }: CertificationFacts,
  { findings, exceptions }: CertificationPolicy,
  now: Date,
): Ruling {
  const ids = [advisory, ...aliases]
  const exception = exceptions.statements.find(
    (one) =>
      covers(one.product, product) &&
      ids.includes(one.advisory) &&
      one.component === component &&
      one.author !== submittedBy.subject &&
      exceptions.authors.some(
        (named) => named.author === one.author && named.products.some((covered) => covers(covered, product)),
      ) &&
      isUntil(one.expires, now),
  )
  const what = `${advisory} (severity ${severity}) in ${component}`
  if (exception !== undefined) {
    return { does: 'accept', reason: `${what} does not apply: ${exception.justification}, says ${exception.author}` }
  }
  const action = findings[severityWord(severity, findings)]
  if (action === 'certify') return { does: 'accept', reason: `${what} is below the threshold of the policy` }
  return { does: action, reason: what }
}

function ruleGap(gap: FoundGap, product: string, { acceptedGaps }: CertificationPolicy, now: Date): Ruling {
  const { code, path, detail } = gap
  const accepted = acceptedGaps.find(
    (one) =>
      one.code === code && covers(one.product, product) && matchesPath(one.path, path) && isUntil(one.expires, now),
  )
  if (accepted === undefined || UNACCEPTABLE_GAPS.has(code))
    return { does: 'refuse', reason: `${code} at ${path}: ${detail}` }
  return { does: 'accept', reason: `${code} at ${path} is accepted until ${accepted.expires}: ${accepted.reason}` }
}

function severityWord(
  severity: string,
  findings: CertificationPolicy['findings'],
): keyof CertificationPolicy['findings'] {
  return Object.hasOwn(findings, severity) ? (severity as keyof CertificationPolicy['findings']) : 'unknown'
}

function covers(named: string, product: string): boolean {
  return named === '*' || named === product
}

/** `day` is the last one that counts, whole, in UTC. */
function isUntil(day: string | undefined, now: Date): boolean {
  return day === undefined || now.toISOString().slice(0, 10) <= day
}

function shortened(reason: string): string {
  return reason.length <= MAX_REASON_CHARACTERS ? reason : `${reason.slice(0, MAX_REASON_CHARACTERS - 1)}…`
}
