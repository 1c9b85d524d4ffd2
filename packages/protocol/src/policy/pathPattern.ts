import { type Shape, stringShape } from './shape.ts'

/** A path inside an artifact: one exactly, everything below one (`vendor/**`), or everything (`**`). No expressions. */
export const pathPatternShape: Shape<string> = stringShape(
  'a path, a path ending in /**, or **',
  /^(?:\*\*|[^*]+(?:\/\*\*)?)$/,
  1024,
)

/** Whether `path` is what `pattern` names. */
export function matchesPath(pattern: string, path: string): boolean {
  if (pattern === '**') return true
  if (!pattern.endsWith('/**')) return path === pattern
  const folder = pattern.slice(0, -2)
  return path.startsWith(folder) && path.length > folder.length
}
