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
  const needed = new Set(components.map(({ ecosystem }) => baseEcosystem(ecosystem)).filter(Boolean))
  return [...needed].sort().flatMap((name) => {
    const data = ecosystems.find((one) => one.name === name)
    if (data === undefined || data.records === 0) {
      return [gap('gap.no-advisory-data', `there is no advisory data for ${name}`)]
    }
    if (!isDataOld(data, { now, maxAgeMs })) return []
    return [gap('gap.advisory-data-old', `the advisory data for ${name} is as of ${knownAt(data)}`)]
  })
}

/** Whether verdicts that need this data are incomplete, because nobody knows that it was complete within `maxAgeMs`. */
export function isDataOld(
  data: EcosystemData,
  { now, maxAgeMs }: { readonly now: Date; readonly maxAgeMs: number },
): boolean {
  return now.getTime() - Date.parse(knownAt(data)) > maxAgeMs
}

/** The newest moment at which the data is known to have been complete: its newest record, or when it was last compared. */
export function knownAt({ asOf, syncedAt = asOf }: EcosystemData): string {
  return Date.parse(syncedAt) > Date.parse(asOf) ? syncedAt : asOf
}
