import type { LockEntry, Lockfile } from './listing.ts'

/** What lockfiles say about one install path. */
export interface LockedPath {
  readonly entry: LockEntry
  /** Path of the lockfile it is from. */
  readonly lockfile: string
  /** Two lockfiles that name it and do not agree. */
  readonly disputedBy?: string
}

/**
 * Joins the lockfiles of an artifact: keys become paths from its root. What the project's lockfile says counts before what
 * npm noted while installing; where both name a path, they have to agree.
 */
export function lockedPaths(lockfiles: readonly Lockfile[]): Map<string, LockedPath> {
  const paths = new Map<string, LockedPath>()
  const isNote = ({ path }: Lockfile) => path.endsWith('.package-lock.json')
  for (const { path, entries } of [...lockfiles].sort((a, b) => Number(isNote(a)) - Number(isNote(b)))) {
    const base = path.replace(/(?:node_modules\/)?[^/]*$/, '')
    for (const entry of entries) {
      const place = entry.path === '' ? base.replace(/\/$/, '') : `${base}${entry.path}`
      const known = paths.get(place)
      if (known === undefined) paths.set(place, { entry: inPlace(entry, base), lockfile: path })
      else if (!agree(known.entry, entry)) paths.set(place, { ...known, disputedBy: path })
    }
  }
  return paths
}

/** Links of a workspace lead to a folder that is named relative to the lockfile. */
function inPlace(entry: LockEntry, base: string): LockEntry {
  return entry.isLink && entry.source !== undefined ? { ...entry, source: `${base}${entry.source}` } : entry
}

function agree(a: LockEntry, b: LockEntry): boolean {
  const isSame = a.isLink === b.isLink && (a.isLink || (a.version === b.version && a.name === b.name))
  return isSame && (a.integrity === undefined || b.integrity === undefined || a.integrity === b.integrity)
}
