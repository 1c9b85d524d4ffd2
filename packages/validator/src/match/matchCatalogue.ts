import type { Verdict } from '@countersign/protocol/api/artifacts.ts'
import { affects } from '@countersign/protocol/osv/evaluate.ts'
import { packageKey } from '@countersign/protocol/osv/packageName.ts'
import { type Catalogue, type CatalogueComponent, type Gap, MAX_GAPS } from '@countersign/protocol/sbom/catalogue.ts'
import type { Advisories } from '../advisories/openAdvisories.ts'
import { dataAsOf, dataGaps } from './dataGaps.ts'
import { groupFindings, type Match } from './groupFindings.ts'
import { pathsFromRoot } from './pathsFromRoot.ts'

/** A verdict without what confined the inspector, which is not the matcher's to say. */
export type MatchedVerdict = Omit<Verdict, 'protections'>

const MAX_FINDINGS = 10_000

/**
 * Matches a catalogue against the advisories of this moment. *Affected*: some advisory affects some component. *Clean*: none
 * does, something was found, and nothing is unclear: no gap of the inspector, no component without version or ecosystem,
 * none altered, no advisory of which nothing can be told, no ecosystem whose data is missing or is not known to have been
 * complete within `maxAgeMs` before `now`. Everything else is *incomplete*, with every reason as a gap.
 */
export function matchCatalogue(
  catalogue: Catalogue,
  advisories: Pick<Advisories, 'state' | 'forPackage'>,
  options: { readonly now: Date; readonly maxAgeMs: number },
): MatchedVerdict {
  const { components } = catalogue
  const data = advisories.state()
  const gaps: Gap[] = [...catalogue.gaps]
  if (components.length === 0) gaps.push(NOTHING_FOUND)
  gaps.push(...dataGaps(components, data, options))
  const matches: Match[] = []
  for (const component of components) {
    gaps.push(...ownGaps(component, catalogue.gaps))
    if (component.ecosystem === '') continue
    for (const advisory of advisories.forPackage(component.ecosystem, component.name)) {
      const effect = affects(advisory, component)
      if (effect.result === 'affected') matches.push({ advisory, component, fixed: effect.fixed })
      if (effect.result === 'cannot tell') gaps.push(unclear(component, advisory.id, effect.reason))
    }
    if (data.heldPackages.has(packageKey(component.ecosystem, component.name))) gaps.push(held(component))
  }
  const findings = groupFindings(matches, pathsFromRoot(catalogue)).slice(0, MAX_FINDINGS)
  const { state, records, sample } = data
  const asOf = dataAsOf(components, data)
  return {
    answer: findings.length > 0 ? 'affected' : gaps.length > 0 ? 'incomplete' : 'clean',
    components: components.length,
    findings,
    gaps: gaps.slice(0, MAX_GAPS),
    advisories: { state, records, sample, ...(asOf !== undefined && { asOf }) },
  }
}

const NOTHING_FOUND: Gap = {
  code: 'gap.nothing-found',
  path: '',
  detail: 'no component was found, which is never clean',
  closedBy: 'submit an artifact whose components this inspector reads',
}

function ownGaps({ id, ecosystem, version, name, altered = [] }: CatalogueComponent, known: readonly Gap[]): Gap[] {
  const gaps: Gap[] = []
  if (ecosystem === '') {
    const closedBy = 'a package record that says where the component comes from'
    gaps.push({ code: 'gap.ecosystem-unknown', path: id, detail: `of ${name} nobody knows the ecosystem`, closedBy })
  }
  if (version === '') {
    const closedBy = 'a package record with a version'
    gaps.push({ code: 'gap.version-unknown', path: id, detail: `of ${name} nobody knows the version`, closedBy })
  }
  const isTold = altered.some((path) => known.some((gap) => gap.path === path || gap.path === id))
  if (altered.length > 0 && !isTold) {
    const detail = `${altered.length} files of ${name} differ from the published package, ${altered[0]} first`
    const closedBy = 'the files as they were published, or a package of your own with another name'
    gaps.push({ code: 'gap.component-altered', path: id, detail: detail.slice(0, 1024), closedBy })
  }
  return gaps
}

function unclear({ id, name, version }: CatalogueComponent, advisory: string, reason: string): Gap {
  return {
    code: 'gap.advisory-unclear',
    path: id,
    detail: `whether ${advisory} affects ${name} ${version} cannot be told: ${reason}`.slice(0, 1024),
    closedBy: 'a version that is certainly not affected',
  }
}

function held({ id, name }: CatalogueComponent): Gap {
  return {
    code: 'gap.advisories-held',
    path: id,
    detail: `a change of the advisories that speaks of ${name} waits for an operator`,
    closedBy: 'countersign-validator advisories held, then release or discard',
  }
}
