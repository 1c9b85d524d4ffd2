import { releasesError } from './errors.ts'

const MAX_PATH_LENGTH = 1024
const MAX_DEPTH = 64

/** Most entries of one archive. */
export const MAX_ENTRIES = 200_000

/** Keeps watch over the names of one archive: every one is new, inside, and below folders only. */
export interface ArchivePaths {
  /**
   * The path of an entry, relative to the root of the archive and without `./`; empty for the root itself.
   * Throws `releases.archive-malformed` for absolute paths, `..`, names that were there, and names below what is no folder.
   */
  take(name: string, kind: 'file' | 'folder' | 'link'): string
}

/** Watches over a new archive. */
export function archivePaths(): ArchivePaths {
  const kinds = new Map<string, 'file' | 'folder' | 'link'>()
  return {
    take(name, kind) {
      const path = insidePath(name)
      if (path === '' && kind !== 'folder') throw malformed(name, 'is the root itself')
      const known = kinds.get(path)
      if (known !== undefined && !(known === 'folder' && kind === 'folder')) throw malformed(name, 'is there twice')
      for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
        const above = path.slice(0, slash)
        // Through a link an entry would land somewhere else than its name says.
        if ((kinds.get(above) ?? 'folder') !== 'folder') throw malformed(name, 'is below what is no folder')
        kinds.set(above, 'folder')
      }
      kinds.set(path, kind)
      if (kinds.size > MAX_ENTRIES) throw releasesError('releases.archive-too-large', `more than ${MAX_ENTRIES} names`)
      return path
    },
  }
}

/**
 * Throws `releases.archive-malformed` unless the link at `path` leads to a place inside the archive. `..` only at its start:
 * folders above a link are real ones, so going up from them stays inside, while `a/..` leads elsewhere if `a` is a link.
 */
export function checkLink(path: string, target: string): void {
  const isLocal = target !== '' && !target.startsWith('/') && !/[\\\p{Cc}]/u.test(target)
  if (!isLocal || target.length > MAX_PATH_LENGTH) throw malformed(path, 'is a link out of the archive')
  const segments = target.split('/').filter((segment) => segment !== '' && segment !== '.')
  const ups = segments.findIndex((segment) => segment !== '..')
  const isTooHigh = (ups < 0 ? segments.length : ups) > path.split('/').length - 1
  if (isTooHigh || segments.lastIndexOf('..') >= (ups < 0 ? segments.length : ups)) {
    throw malformed(path, 'is a link out of the archive')
  }
}

function insidePath(name: string): string {
  if (name.startsWith('/') || name.length > MAX_PATH_LENGTH || /[\\\p{Cc}]/u.test(name)) {
    throw malformed(name, 'is no relative path')
  }
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (segments.includes('..')) throw malformed(name, 'leads out of the archive')
  if (segments.length > MAX_DEPTH) throw malformed(name, `is below more than ${MAX_DEPTH} folders`)
  return segments.join('/')
}

function malformed(name: string, what: string) {
  const shown = name.replace(/\p{Cc}/gu, '?').slice(0, 120)
  return releasesError('releases.archive-malformed', `the entry "${shown}" ${what}`)
}
