import { compareTimes } from '@countersign/protocol/osv/advisory.ts'
import { baseEcosystem } from '@countersign/protocol/osv/packageName.ts'
import type { CatalogueComponent, Gap } from '@countersign/protocol/sbom/catalogue.ts'
import type { EcosystemData } from '../advisories/advisoryIndex.ts'
import type { AdvisoryState } from '../advisories/openAdvisories.ts'

/** What is missing or too old of the data, one gap for each ecosystem of the components. */
export function dataGaps(
  components: readonly CatalogueComponent[],
  { records, ecosystems }: AdvisoryState,
  { now, maxAgeMs }: { readonly now: Date; readonly maxAgeMs: number },
): Gap[] {
  const closedBy = 'countersign-validator advisories import or sync'
  const gap = (code: string, detail: string): Gap => ({ code, path: '', detail, closedBy })
  if (records === 0) return [gap('gap.no-advisory-data', 'there is no advisory data')]
  return neededBy(components).flatMap((name) => {
    const data = ecosystems.find((one) => one.name === name)
    if (data === undefined || data.records === 0) {
      return [gap('gap.no-advisory-data', `there is no advisory data for ${name}`)]
    }
    if (!isDataOld(data, { now, maxAgeMs })) return []
    return [gap('gap.advisory-data-old', `the advisory data for ${name} ${ageWords(data)}`)]
  })
}

/** The moment at which all data that these components need is known to have been complete; undefined where there is none. */
export function dataAsOf(
  components: readonly CatalogueComponent[],
  { asOf, ecosystems }: AdvisoryState,
): string | undefined {
  const needed = neededBy(components)
  const known = ecosystems.filter(({ name }) => needed.includes(name)).flatMap((one) => one.asOf ?? [])
  return known.toSorted(compareTimes)[0] ?? asOf
}

/** Whether verdicts that need this data are incomplete, because nobody knows that it was complete within `maxAgeMs`. */
export function isDataOld(
  { asOf }: EcosystemData,
  { now, maxAgeMs }: { readonly now: Date; readonly maxAgeMs: number },
): boolean {
  return asOf === undefined || now.getTime() - Date.parse(asOf) > maxAgeMs
}

/** How old the data is, as the end of a sentence about it. */
export function ageWords({ asOf }: EcosystemData): string {
  return asOf === undefined ? 'was never read whole, only single records of it' : `is as of ${asOf}`
}

function neededBy(components: readonly CatalogueComponent[]): string[] {
  return [...new Set(components.map(({ ecosystem }) => baseEcosystem(ecosystem)).filter(Boolean))].sort()
}
