import { purlOf } from '@countersign/protocol/purl/purl.ts'
import type { Manifest } from '@countersign/protocol/release/manifest.ts'
import type { Catalogue, CatalogueComponent, Evidence, Gap } from '@countersign/protocol/sbom/catalogue.ts'
import { attributeFiles } from './attributeFiles.ts'
import { closedBy } from './closedBy.ts'
import { type Comparison, compareComponent } from './compareComponent.ts'
import { boundGaps } from './gapList.ts'
import { type InstalledTree, installedTree, type TreeComponent } from './installedTree.ts'
import type { ListedGap, Listing } from './listing.ts'
import type { PublishedContents } from './publishedContents.ts'

/** What the catalogue says besides what it is made from. */
export interface AttributeInput {
  readonly listing: Listing
  readonly manifest?: Manifest
  readonly published: PublishedContents
  readonly scanner: Catalogue['scanner']
  /** Gaps that others found. */
  readonly gaps: readonly ListedGap[]
}

/**
 * Makes the catalogue of an npm artifact: which packages are there, how each is known, and where every file that can run
 * comes from: a component, declared first-party source, or a gap. Pure: the same listing and the same published packages
 * give the same catalogue. Does not look for copies of packages inside of a published package, nor for files that are missing.
 */
export function attribute({ listing, manifest, published, scanner, gaps }: AttributeInput): Catalogue {
  const tree = installedTree(listing, manifest)
  const compared = tree.components.map((component) => ({ component, ...compareComponent(component, published) }))
  const all = [
    ...listing.gaps,
    ...gaps,
    ...tree.gaps,
    ...compared.flatMap(({ gaps: own }) => own),
    ...attributeFiles(listing, tree, compared, manifest),
  ]
  const ids = new Set(tree.components.map(({ id }) => id))
  return {
    v: 1,
    artifact: { sha256: listing.sha256, sizeBytes: listing.sizeBytes },
    ...(manifest !== undefined && { manifest }),
    components: compared.map(({ component, ...comparison }) => catalogued(component, comparison)),
    dependencies: dependenciesOf(tree, ids),
    gaps: boundGaps(all).map(finishedGap),
    scanner,
  }
}

function catalogued(
  component: TreeComponent,
  { name, version, evidence, integrity, altered }: Comparison,
): CatalogueComponent {
  return {
    id: component.id,
    purl: purlOf({ ecosystem: 'npm', name, version }),
    ecosystem: 'npm',
    name,
    version,
    evidence: component.isDeclaredOnly ? ('declared' satisfies Evidence) : evidence,
    ...(integrity !== undefined && { integrity }),
    files: component.files.length,
    ...(altered.length > 0 && { altered: altered.slice(0, 1000) }),
  }
}

function dependenciesOf(tree: InstalledTree, ids: ReadonlySet<string>): Catalogue['dependencies'] {
  const roots = { from: '', to: tree.rootDependencies.filter((id) => ids.has(id)) }
  return [
    roots,
    ...tree.components.flatMap(({ id, dependencies }) => {
      const to = dependencies.filter((one) => ids.has(one))
      return to.length === 0 ? [] : [{ from: id, to }]
    }),
  ]
}

/** Gives a gap its last field, and every text a length that a catalogue takes. */
export function finishedGap({ code, path, detail }: ListedGap): Gap {
  return {
    code,
    path: path.slice(0, 1024),
    detail: detail.slice(0, 1024),
    closedBy: closedBy[code] ?? 'Ask the operator of the validator.',
  }
}
