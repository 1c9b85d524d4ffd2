import type { Verdict } from '@countersign/protocol/api/artifacts.ts'
import { decideToCertify } from '@countersign/protocol/decide/decideToCertify.ts'
import type { Severity } from '@countersign/protocol/revocation/record.ts'
import type { WatchDeps } from './watchDeps.ts'
import type { NewlyReached } from './watchedCertifications.ts'
import type { WatchedRow } from './watchStore.ts'
import type { FindingRow } from './watchTables.ts'

type Finding = Verdict['findings'][number]

/** A certification that ends, and why. */
export interface EndingCertification {
  readonly row: WatchedRow
  /** Sorted, each once. */
  readonly advisories: readonly string[]
  /** The worst of them. */
  readonly severity: Severity
  readonly reason: string
}

/** Everything that was found, and what of it ends a certification. */
export interface DecidedEndings {
  readonly findings: readonly FindingRow[]
  readonly ending: readonly EndingCertification[]
}

const SEVERITIES = ['unknown', 'low', 'medium', 'high', 'critical'] as const

/** One finding for one certification. */
type Found = Pick<NewlyReached, 'finding' | 'isUnclear'>

/**
 * Asks the certification policy about what is new, and only about that: what was accepted before stays accepted, and old
 * data is no reason to end anything. A finding that the policy accepts does not end a certification; of one where nothing
 * can be told any more, the policy must accept the gap.
 */
export function decideEndings(
  { policy, clock }: Pick<WatchDeps, 'policy' | 'clock'>,
  rows: readonly WatchedRow[],
  reached: readonly NewlyReached[],
): DecidedEndings {
  const now = clock.now()
  const byCertification = new Map<number, Found[]>()
  for (const { certifications, ...found } of reached) {
    for (const id of certifications) {
      const known = byCertification.get(id)
      if (known === undefined) byCertification.set(id, [found])
      else known.push(found)
    }
  }
  const findings: FindingRow[] = []
  const ending: EndingCertification[] = []
  for (const row of rows) {
    const found = byCertification.get(row.id) ?? []
    for (const { finding } of found) findings.push(rowOf(row.id, finding))
    if (row.state !== 'pending' && row.state !== 'active') continue
    const against = notAccepted(row, found, policy().policy, now)
    if (against.length > 0) ending.push(endingOf(row, against))
  }
  return { findings, ending }
}

/** One finding as it is kept. */
export function rowOf(certification: number, finding: Finding): FindingRow {
  const { advisory, component } = finding
  return { certification_id: certification, advisory, component, finding: JSON.stringify(finding) }
}

/** The reasons of a certification that these findings end. */
export function endingOf(row: WatchedRow, findings: readonly Finding[]): EndingCertification {
  const advisories = [...new Set(findings.map(({ advisory }) => advisory))].sort()
  const severity = SEVERITIES[Math.max(...findings.map((one) => SEVERITIES.indexOf(severityOf(one))))] ?? 'unknown'
  const reason = findings.map((one) => `${namesOf(one)} in ${one.component}${fixedWords(one)}`).join('; ')
  return { row, advisories, severity, reason: reason.slice(0, 512) }
}

function notAccepted(
  row: WatchedRow,
  found: readonly Found[],
  policy: Parameters<typeof decideToCertify>[1],
  now: Date,
): Finding[] {
  const before = JSON.parse(row.verdict ?? '') as Verdict
  const findings = found.filter((one) => !one.isUnclear).map(({ finding }) => finding)
  const unclear = found.filter((one) => one.isUnclear).map(({ finding }) => ({ finding, gap: gapOf(finding) }))
  const verdict = { ...before, answer: 'affected' as const, findings, gaps: unclear.map(({ gap }) => gap) }
  const submittedBy = JSON.parse(row.submitted_by) as { issuer: string; subject: string }
  const facts = { verdict, product: row.product, evidence: [], submittedBy }
  const { acceptedFindings, acceptedGaps } = decideToCertify(facts, policy, now)
  const accepted = new Set(acceptedFindings.map((one) => `${one.advisory} ${one.component}`))
  const acceptedPaths = new Set(acceptedGaps.map(({ path }) => path))
  return [
    ...findings.filter((one) => !accepted.has(`${one.advisory} ${one.component}`)),
    ...unclear.filter(({ gap }) => !acceptedPaths.has(gap.path)).map(({ finding }) => finding),
  ]
}

function gapOf({ advisory, component }: Finding) {
  const detail = `whether ${advisory} affects ${component} cannot be told any more`
  return { code: 'gap.advisory-unclear', path: component, detail, closedBy: '' }
}

function severityOf({ severity }: Finding): Severity {
  return SEVERITIES.find((word) => word === severity) ?? 'unknown'
}

/** People know advisories by their CVE number. */
function namesOf({ advisory, aliases }: Finding): string {
  const cve = aliases.find((alias) => alias.startsWith('CVE-'))
  return cve === undefined ? advisory : `${advisory} (${cve})`
}

function fixedWords({ fixed }: Finding): string {
  return fixed.length === 0 ? '' : `, fixed in ${fixed.slice(0, 3).join(', ')}`
}
