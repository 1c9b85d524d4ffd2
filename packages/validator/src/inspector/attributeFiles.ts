import { matchesGlob } from '@countersign/protocol/release/glob.ts'
import type { Manifest } from '@countersign/protocol/release/manifest.ts'
import type { Comparison } from './compareComponent.ts'
import type { InstalledTree, TreeComponent } from './installedTree.ts'
import type { ListedFile, ListedGap, Listing } from './listing.ts'

/** A component and what comparing it gave. */
export interface ComparedComponent extends Pick<Comparison, 'altered' | 'evidence'> {
  readonly component: TreeComponent
}

/**
 * The gaps of files that can run and come from nowhere: in no component, or not in the package that was published, and not
 * declared first-party source. Machine code, archives and bundles are no source, whoever declares them.
 */
export function attributeFiles(
  listing: Listing,
  tree: InstalledTree,
  compared: readonly ComparedComponent[],
  manifest: Manifest | undefined,
): ListedGap[] {
  const isRead = listing.form === 'npm archive' || listing.form === 'npm package'
  if (!isRead) return []
  const started = new Set(manifest?.start.map((argument) => argument.replace(/^\.\//, '')))
  const globs = manifest?.firstParty ?? []
  const own = tree.ownFiles.flatMap((file) => {
    const isDeclared = globs.some((glob) => matchesGlob(glob, file.path))
    return gapOf(started.has(file.path) && file.kind === 'data' ? { ...file, kind: 'script' } : file, isDeclared)
  })
  return [...own, ...compared.flatMap(unpublishedFiles)]
}

/** Of an altered component only the files that are no source: the rest is in the gap of the component. */
function unpublishedFiles({ component, altered, evidence }: ComparedComponent): ListedGap[] {
  if (evidence === 'content') return []
  const changed = new Set(altered)
  const isCompared = altered.length > 0
  return component.files
    .filter(({ path }) => !isCompared || changed.has(path))
    .flatMap((file) => gapOf(file, true).filter(({ code }) => code === 'gap.native-code'))
}

function gapOf({ path, kind }: ListedFile, isDeclared: boolean): ListedGap[] {
  switch (kind) {
    case 'native':
      return [{ code: 'gap.native-code', path, detail: 'machine code of unknown origin' }]
    case 'archive':
      return [{ code: 'gap.archive-inside', path, detail: 'an archive whose content is not read' }]
    case 'unknown':
      return isDeclared ? [] : [{ code: 'gap.unknown-binary', path, detail: 'binary of unknown form and origin' }]
    case 'bundle':
      return [
        { code: 'gap.bundled-code', path, detail: 'minified or bundled code: which packages are in it is not known' },
      ]
    case 'script':
      return isDeclared
        ? []
        : [{ code: 'gap.unattributed-code', path, detail: 'it can run, and belongs to no component' }]
    default:
      return []
  }
}
