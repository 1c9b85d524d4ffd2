import { INSPECTOR_LIMITS, type ListedGap } from './listing.ts'

/** The place of an entry, or why it has none that is safe. */
export type PathResult = { readonly path: string } | { readonly gap: ListedGap }

/**
 * The path of an entry relative to the root of the archive, without `./`; empty for the root itself. Absolute names, names
 * that lead out, and names deeper or longer than the limits are gaps: unpacked, they would land who knows where.
 */
export function insidePath(name: string): PathResult {
  const shown = shownName(name)
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name) || name.includes('\\')) {
    return { gap: { code: 'gap.archive-unsafe-path', path: shown, detail: 'the name is not relative to the archive' } }
  }
  // Nothing is made of each folder of a name that is too long whatever is in it.
  if (name.length > 2 * INSPECTOR_LIMITS.path) return tooDeep(shown)
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (segments.includes('..')) {
    return { gap: { code: 'gap.archive-unsafe-path', path: shown, detail: 'the name leads out of the archive' } }
  }
  if (/\p{Cc}/u.test(name)) {
    return { gap: { code: 'gap.archive-unsafe-path', path: shown, detail: 'the name holds control characters' } }
  }
  const path = segments.join('/')
  if (segments.length > INSPECTOR_LIMITS.depth || path.length > INSPECTOR_LIMITS.path) return tooDeep(shown)
  return { path }
}

function tooDeep(path: string): PathResult {
  const limits = `more than ${INSPECTOR_LIMITS.depth} folders or ${INSPECTOR_LIMITS.path} characters`
  return { gap: { code: 'gap.archive-too-deep', path, detail: `the name has ${limits}` } }
}

/**
 * Where the link at `path` leads, relative to the root of the archive; undefined where that is outside. `..` only at the
 * start of a target, because `a/..` leads elsewhere where `a` is a link.
 */
export function linkTarget(path: string, target: string): string | undefined {
  if (target === '' || target.startsWith('/') || /[\\\p{Cc}]/u.test(target) || target.length > INSPECTOR_LIMITS.path) {
    return undefined
  }
  const segments = target.split('/').filter((segment) => segment !== '' && segment !== '.')
  const first = segments.findIndex((segment) => segment !== '..')
  const ups = first < 0 ? segments.length : first
  const above = path.split('/').slice(0, -1)
  if (ups > above.length || segments.lastIndexOf('..') >= ups) return undefined
  return [...above.slice(0, above.length - ups), ...segments.slice(ups)].join('/')
}

/** A stranger's name as it may be shown: bounded, without control characters. */
export function shownName(name: string): string {
  return name.slice(0, 200).replace(/\p{Cc}|\p{Cf}|[\uD800-\uDFFF]/gu, '\u{fffd}')
}
