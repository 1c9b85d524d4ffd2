import type { ListedGap, ListedPackage, Listing } from './listing.ts'
import type { LockedPath } from './lockedPaths.ts'

/**
 * Where the lockfiles of an artifact and what is installed in it disagree: other name or version, installed and not named,
 * named and not installed although it has to be, named by two lockfiles in two ways. Without a lockfile there is nothing to
 * disagree with.
 */
export function disagreements(
  listing: Listing,
  locked: ReadonlyMap<string, LockedPath>,
  places: ReadonlyMap<string, ListedPackage>,
  links: ReadonlyMap<string, string>,
): ListedGap[] {
  const bases = listing.lockfiles.map(({ path }) => path.replace(/(?:node_modules\/)?[^/]*$/, ''))
  const files = new Set(listing.files.map(({ path }) => path))
  const gaps: ListedGap[] = []
  const differ = (path: string, detail: string) => gaps.push({ code: 'gap.lockfile-disagrees', path, detail })
  for (const [folder, { name, version }] of places) {
    const known = locked.get(folder)
    if (known === undefined) {
      if (bases.some((base) => folder.startsWith(`${base}node_modules/`)))
        differ(folder, 'it is installed, and no lockfile names it')
    } else if (!known.entry.isLink && (known.entry.name !== name || known.entry.version !== version)) {
      // Folders that only link to a package carry no version in the lockfile.
      const { entry } = known
      if (entry.version !== '' || entry.name !== name) {
        differ(
          folder,
          `the lockfile names ${entry.name}@${entry.version}, installed is ${name || '?'}@${version || '?'}`,
        )
      }
    }
  }
  for (const [path, { entry, disputedBy, lockfile }] of locked) {
    if (disputedBy !== undefined) differ(path, `${lockfile} and ${disputedBy} name different content`)
    const isThere = places.has(path) || links.has(path) || files.has(`${path}/package.json`)
    if (path.includes('node_modules/') && !isThere && !entry.isDispensable)
      differ(path, 'the lockfile names it, and it is not installed')
  }
  return gaps
}
