/** Longest glob, in UTF-16 units. */
export const MAX_GLOB_LENGTH = 512

const MAX_PATH_LENGTH = 4096
const NEVER_COVERED = 'node_modules'

/**
 * Why `glob` is none that `matchesGlob` takes, in words; undefined where it is one. Globs are relative to the root of the
 * artifact, with `/` between segments, and cannot name `node_modules`, whose content is never the artifact's own.
 */
export function whatIsWrongWithGlob(glob: string): string | undefined {
  if (glob.length === 0 || glob.length > MAX_GLOB_LENGTH) return `has 1 to ${MAX_GLOB_LENGTH} characters`
  const segments = glob.split('/')
  if (/[\\\p{Cc}]/u.test(glob)) return 'holds a backslash or a control character'
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    return 'must be relative to the root of the artifact, without empty segments, . and ..'
  }
  if (segments.some((segment) => segment.includes('**') && segment !== '**')) return 'has ** as part of a segment'
  return segments.some(isNeverCovered) ? 'cannot cover node_modules' : undefined
}

/**
 * Whether `glob` covers `path`, a file's path in the artifact with `/` between segments. In a segment `*` stands for any
 * characters and `?` for one; the segment `**` for any number of segments, at the end for at least one. Case counts.
 * A path through `node_modules` is never covered, nor one with `.`, `..` or empty segments, or of more than 4096 characters.
 */
export function matchesGlob(glob: string, path: string): boolean {
  if (path.length > MAX_PATH_LENGTH || whatIsWrongWithGlob(glob) !== undefined) return false
  const segments = path.split('/')
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..' || isNeverCovered(segment))) {
    return false
  }
  const patterns = glob.split('/')
  // At the end `**` stands for what is inside, not for the folder itself.
  if (patterns.at(-1) === '**') patterns.push('*')
  return matchesInTurn(patterns, segments, '**', matchesSegment)
}

// File systems that do not tell case apart would find the packages under this name too.
function isNeverCovered(segment: string): boolean {
  return segment.toLowerCase() === NEVER_COVERED
}

function matchesSegment(pattern: string, segment: string): boolean {
  return matchesInTurn([...pattern], [...segment], '*', (one, character) => one === '?' || one === character)
}

/**
 * Whether the patterns match the parts one by one, `many` standing for any number of them. Goes back only to the last
 * `many`, which is enough, so the work is at most patterns times parts.
 */
function matchesInTurn(
  patterns: readonly string[],
  parts: readonly string[],
  many: string,
  matches: (pattern: string, part: string) => boolean,
): boolean {
  let [at, patternAt] = [0, 0]
  let lastMany = -1
  let resumeAt = 0
  while (at < parts.length) {
    const pattern = patterns[patternAt]
    if (pattern === many) {
      lastMany = patternAt++
      resumeAt = at
    } else if (pattern !== undefined && matches(pattern, parts[at] as string)) {
      patternAt++
      at++
    } else if (lastMany >= 0) {
      patternAt = lastMany + 1
      at = ++resumeAt
    } else return false
  }
  return patterns.slice(patternAt).every((pattern) => pattern === many)
}
