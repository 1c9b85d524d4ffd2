import type { Evidence } from '@countersign/protocol/sbom/catalogue.ts'
import type { TreeComponent } from './installedTree.ts'
import type { ListedFile, ListedGap, PublishedFile } from './listing.ts'
import { type PublishedContents, specOf, type WantedPackage } from './publishedContents.ts'

/** What comparing one component with what was published under its name gave. */
export interface Comparison {
  readonly name: string
  readonly version: string
  readonly evidence: Evidence
  /** Of the published package. */
  readonly integrity?: string
  /** Paths in the artifact that differ from the published package, or are not in it. */
  readonly altered: readonly string[]
  readonly gaps: readonly ListedGap[]
}

const SHOWN_PATHS = 5

/**
 * Compares every file of a component with the published package. Where lockfile and `package.json` name different ones, the
 * one that the files are closer to counts. A component that is equal in all files is known by *content*; files that are
 * missing do not count, because whoever packs may leave out what is not needed.
 */
export function compareComponent(component: TreeComponent, published: PublishedContents): Comparison {
  const { name, version, isDeclaredOnly, candidates } = component
  const stated: Comparison = {
    name,
    version,
    evidence: isDeclaredOnly ? 'declared' : 'installed metadata',
    ...statedIntegrity(candidates),
    altered: [],
    gaps: [],
  }
  if (isDeclaredOnly || component.source !== undefined || candidates.length === 0) return stated
  const results = candidates.map((candidate) => compareWith(component, candidate, published))
  const [best] = results.filter((one) => one !== undefined).sort((a, b) => a.altered.length - b.altered.length)
  if (best !== undefined) return best
  const { missing } = { missing: 'it was not looked for', ...published.get(specOf(candidates[0] ?? component)) }
  const detail = `${specOf(component)} cannot be compared with what was published: ${missing}`
  return { ...stated, gaps: [{ code: 'gap.not-compared', path: component.id, detail }] }
}

function statedIntegrity(candidates: readonly WantedPackage[]): { integrity?: string } {
  const integrity = candidates.find((one) => one.integrity !== undefined)?.integrity
  return integrity === undefined ? {} : { integrity }
}

function compareWith(
  component: TreeComponent,
  wanted: WantedPackage,
  published: PublishedContents,
): Comparison | undefined {
  const content = published.get(specOf(wanted))
  if (content === undefined || 'missing' in content) return undefined
  const altered = component.files
    .filter((file) => !isPublished(file, component.folder, content.files))
    .map(({ path }) => path)
  const gaps: ListedGap[] = []
  if (altered.length > 0) {
    const shown = altered.slice(0, SHOWN_PATHS).join(', ')
    const more = altered.length > SHOWN_PATHS ? ` and ${altered.length - SHOWN_PATHS} more` : ''
    const detail = `differs from the published ${specOf(wanted)} in ${shown}${more}`
    gaps.push({ code: 'gap.component-altered', path: component.id, detail })
  }
  if (wanted.integrity?.includes('sha512-') && !wanted.integrity.split(/\s+/).includes(content.integrity)) {
    const detail = `the lockfile names other content for ${specOf(wanted)} than the registry`
    gaps.push({ code: 'gap.integrity-disagrees', path: component.id, detail })
  }
  return {
    name: wanted.name,
    version: wanted.version,
    evidence: altered.length === 0 ? 'content' : 'installed metadata',
    integrity: content.integrity,
    altered,
    gaps,
  }
}

/** npm unpacks `.gitignore` as `.npmignore`, and leaves links out, so a link in a package is never the published one. */
function isPublished(file: ListedFile, folder: string, published: ReadonlyMap<string, PublishedFile>): boolean {
  const path = folder === '' ? file.path : file.path.slice(folder.length + 1)
  // Links to commands, which npm makes; where they lead, a file is attributed or a gap.
  if (file.kind === 'link' && /^node_modules\/\.bin\/[^/]+$/.test(path)) return true
  const names = path.endsWith('.npmignore') ? [path, path.replace(/\.npmignore$/, '.gitignore')] : [path]
  return names.some((name) => published.get(name)?.slice(1).includes(file.sha256))
}
