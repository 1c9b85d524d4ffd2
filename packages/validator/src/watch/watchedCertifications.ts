import type { Verdict } from '@countersign/protocol/api/artifacts.ts'
import type { PackageVersion } from '@countersign/protocol/osv/evaluate.ts'
import type { Catalogue, CatalogueComponent } from '@countersign/protocol/sbom/catalogue.ts'
import type { ChangedAdvisory } from '../advisories/difference.ts'
import type { AdvisoryChange } from '../advisories/openAdvisories.ts'
import type { PendingIndex } from '../certify/certifyDeps.ts'
import type { CertifyStore } from '../certify/certifyStore.ts'
import { openCatalogue } from '../certify/judge.ts'
import { groupFindings } from '../match/groupFindings.ts'
import { type Reached, WatchIndex } from '../match/watchIndex.ts'

/** What a changed advisory newly means for one version of one package, and for whom. */
export interface NewlyReached {
  /** As a verdict would have it, but for the way to the component. */
  readonly finding: Verdict['findings'][number]
  /** Whether it affects the version cannot be told any more. */
  readonly isUnclear: boolean
  /** Numbers of the certifications here. */
  readonly certifications: readonly number[]
}

/** The watch index with the certifications that can still end, rebuilt from what is durable at every start. */
export class WatchedCertifications implements PendingIndex {
  readonly #index = new WatchIndex()
  /** Package URLs by coordinates, as the catalogues have them: policies name components by them, to the letter. */
  readonly #purls = new Map<string, string>()
  #lookedUp = 0

  /** Reads every pending and active certification's components. Before the outbox starts. */
  static async open(store: CertifyStore): Promise<WatchedCertifications> {
    const watched = new WatchedCertifications()
    let last: { id: number; catalogue: Catalogue } | undefined
    for (const { id, catalogue_id } of await store.watched()) {
      if (last?.id !== catalogue_id)
        last = { id: catalogue_id, catalogue: await openCatalogue({ store }, catalogue_id) }
      watched.add(id, last.catalogue)
    }
    return watched
  }

  get lookedUp(): number {
    return this.#lookedUp
  }

  add(certification: number, { components }: Catalogue): void {
    for (const component of components) this.#purls.set(coordinatesOf(component), component.purl)
    this.#index.add(certification, components)
  }

  remove(certification: number): void {
    this.#index.remove(certification)
  }

  /** How many certifications a change would newly reach, whether the policy accepts that or not. Changes nothing. */
  countReachedBy(changed: readonly ChangedAdvisory[]): number {
    const reached = this.#index.reachedBy(changed).filter(({ effect }) => effect !== 'cleared')
    return this.#index.certificationsOf(reached).length
  }

  /** What the change newly reaches. Whoever intends a certification from now on must have seen its state. */
  reachedBy({ state, changed }: AdvisoryChange): NewlyReached[] {
    this.#lookedUp = Math.max(this.#lookedUp, state)
    const after = new Map(changed.map((one) => [one.id, one.after]))
    return this.#index.reachedBy(changed).flatMap((reached) => {
      const advisory = after.get(reached.advisory)
      if (advisory === undefined || reached.effect === 'cleared') return []
      const component = this.#componentOf(reached)
      const [finding] = groupFindings([{ advisory, component, fixed: reached.fixed }], () => [component.purl])
      if (finding === undefined) return []
      const certifications = [...reached.certifications]
      return [
        { finding: { ...finding, advisory: advisory.id }, isUnclear: reached.effect === 'unclear', certifications },
      ]
    })
  }

  /** The index knows packages and versions; of what else a component has, a finding shows nothing but the package URL. */
  #componentOf({ component }: Reached): CatalogueComponent {
    const purl = this.#purls.get(coordinatesOf(component)) ?? component.name
    return { ...component, id: purl, purl, evidence: 'declared', files: 0 }
  }
}

function coordinatesOf({ ecosystem, name, version }: PackageVersion): string {
  return `${ecosystem}\0${name}\0${version}`
}

/** Why a change is held for a person: it would reach more certifications than the policy lets one change end. */
export function refuseMuch(
  watched: WatchedCertifications,
  changed: readonly ChangedAdvisory[],
  maxEnded: number,
): string | undefined {
  const reached = watched.countReachedBy(changed)
  if (reached <= maxEnded) return undefined
  return `it would reach ${reached} certifications at once; the certification policy holds what ends more than ${maxEnded}`
}
