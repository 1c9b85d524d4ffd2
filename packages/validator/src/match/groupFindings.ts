import type { Verdict } from '@countersign/protocol/api/artifacts.ts'
import type { Advisory } from '@countersign/protocol/osv/advisory.ts'
import { packageKey } from '@countersign/protocol/osv/packageName.ts'
import type { SeverityWord } from '@countersign/protocol/osv/severity.ts'
import type { CatalogueComponent } from '@countersign/protocol/sbom/catalogue.ts'

/** One advisory that affects one component. */
export interface Match {
  readonly advisory: Advisory
  readonly component: CatalogueComponent
  /** As `affects` answered. */
  readonly fixed: readonly string[]
}

type Finding = Verdict['findings'][number]

const MAX_ALIASES = 100
const MAX_FIXED = 32
const MAX_VERSION = 128
/** Worst last; an unknown one may be any, so it is worse than what is known to be less than the worst. */
const SEVERITIES: readonly SeverityWord[] = ['low', 'medium', 'high', 'unknown', 'critical']

/**
 * Turns matches into findings, worst first: one for each component and flaw. Records that are aliases of each other, also
 * over a third one, speak of one flaw; it goes under its GHSA id where it has one, else under the first. `pathTo` gives the
 * package URLs from the artifact to a component.
 */
export function groupFindings(matches: readonly Match[], pathTo: (id: string) => readonly string[]): Finding[] {
  const findings: Finding[] = []
  for (const [id, own] of Map.groupBy(matches, ({ component }) => component.id)) {
    for (const group of aliasGroups(own)) findings.push(findingOf(group, pathTo(id)))
  }
  const rank = ({ severity }: Finding) => SEVERITIES.indexOf(severity as SeverityWord)
  return findings.sort((a, b) => rank(b) - rank(a) || compareTexts(a.advisory, b.advisory))
}

/** Matches of one component, those of one flaw together. */
function aliasGroups(matches: readonly Match[]): Match[][] {
  let groups: { readonly names: Set<string>; readonly members: Match[] }[] = []
  for (const match of matches) {
    const own = new Set([match.advisory.id, ...match.advisory.aliases])
    const joined = groups.filter(({ names }) => !names.isDisjointFrom(own))
    const names = joined.reduce((all, group) => all.union(group.names), own)
    const members = [...joined.flatMap((group) => group.members), match]
    groups = [...groups.filter((group) => !joined.includes(group)), { names, members }]
  }
  return groups.map(({ members }) => members)
}

function findingOf(group: readonly Match[], path: readonly string[]): Finding {
  const ids = group.map(({ advisory }) => advisory.id).sort()
  const advisory = ids.find((id) => id.startsWith('GHSA-')) ?? ids[0] ?? ''
  const names = group.flatMap(({ advisory: { id, aliases, upstream } }) => [id, ...aliases, ...upstream])
  const others = [...new Set(names)].filter((name) => name !== advisory).sort()
  const fixed = [...new Set(group.flatMap((match) => match.fixed))]
  return {
    advisory,
    aliases: others.slice(0, MAX_ALIASES),
    component: group[0]?.component.purl ?? '',
    path: [...path],
    severity: worstOf(group.map(severityFor)),
    fixed: fixed.slice(0, MAX_FIXED).map((version) => version.slice(0, MAX_VERSION)),
  }
}

/** What the record says of this package counts before what it says of all. */
function severityFor({ advisory, component }: Match): SeverityWord {
  const key = packageKey(component.ecosystem, component.name)
  const own = advisory.affected.filter(({ ecosystem, name }) => packageKey(ecosystem, name) === key)
  const words = own.flatMap((entry) => entry.severity ?? [])
  return words.length > 0 ? worstOf(words) : advisory.severity
}

/** Of several words the worst; that one record does not say does not make another's word less. */
function worstOf(words: readonly SeverityWord[]): SeverityWord {
  const known = words.filter((word) => word !== 'unknown')
  return known.reduce<SeverityWord>(
    (worst, word) => (worst === 'unknown' || SEVERITIES.indexOf(word) > SEVERITIES.indexOf(worst) ? word : worst),
    'unknown',
  )
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
