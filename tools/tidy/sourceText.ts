/** One file of the tree as the rules see it. `path` is relative to the root, with forward slashes. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** One broken rule at one place. `line` is 1-based. */
export interface Finding {
  readonly path: string
  readonly line: number
  readonly message: string
}

/** A rule of the tree: everything it needs is in the files it is given, so a test can plant a bad one. */
export type Rule = (files: readonly SourceFile[]) => Finding[]

/** A stretch of a source text; `end` is exclusive. `text` of a string literal is what stands between its quotes. */
export interface Span {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** A TypeScript source taken apart: `code` has the length of the source, with comments, strings and regular expressions blanked. */
export interface MaskedSource {
  readonly code: string
  readonly comments: readonly Span[]
  readonly strings: readonly Span[]
}

/** The 1-based line of an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1
  return line
}

/** Makes a finding at an offset of a file. */
export function findingAt(file: SourceFile, offset: number, message: string): Finding {
  return { path: file.path, line: lineAt(file.text, offset), message }
}

/** Names of what only tests use: tests, bodies of tests that implementations share (`…Contract`), and what they stand on. */
const testNames = /(?:^|\/)(?:tests\/.*|[^/]+\.test\.ts|[^/]+(?:Contract|Fixture)\.ts|test[A-Z][^/]*\.ts)$/

/** True for a file that tests something, or that only tests use. Such files are not published. */
export function isTest(path: string): boolean {
  return testNames.test(path)
}

const masked = new WeakMap<SourceFile, MaskedSource>()

/** `maskSource` of a file, computed once. */
export function maskedOf(file: SourceFile): MaskedSource {
  const known = masked.get(file)
  if (known !== undefined) return known
  const made = maskSource(file.text)
  masked.set(file, made)
  return made
}

/**
 * Blanks what is not code. A `/` starts a regular expression where a value cannot have ended just before it,
 * which is exact for sources that the formatter has been over.
 */
export function maskSource(text: string): MaskedSource {
  const out = text.split('')
  const comments: Span[] = []
  const strings: Span[] = []
  /** Depth of braces at which each open template literal goes on. */
  const templates: number[] = []
  let depth = 0
  let at = 0
  const blank = (start: number, end: number) => {
    for (let index = start; index < end; index += 1) if (out[index] !== '\n') out[index] = ' '
  }
  const literal = (end: number) => {
    strings.push({ start: at, end, text: text.slice(at + 1, end - 1) })
    blank(at + 1, end - 1)
    at = end
  }
  const template = () => {
    const end = templateEnd(text, at)
    const holdsCode = text[end - 1] === '{'
    strings.push({ start: at, end, text: text.slice(at + 1, holdsCode ? end - 2 : end - 1) })
    blank(at + 1, holdsCode ? end - 2 : end - 1)
    at = end
    if (holdsCode) {
      templates.push(depth)
      depth += 1
    }
  }
  while (at < text.length) {
    const char = text[at]
    const next = text[at + 1]
    if (char === '/' && (next === '/' || next === '*')) {
      const end = commentEnd(text, at)
      comments.push({ start: at, end, text: text.slice(at, end) })
      blank(at, end)
      at = end
    } else if (char === '"' || char === "'") literal(quotedEnd(text, at))
    else if (char === '`') template()
    else if (char === '}' && templates.at(-1) === depth - 1) {
      templates.pop()
      depth -= 1
      template()
    } else if (char === '/' && startsRegex(out, at)) literal(regexEnd(text, at))
    else {
      if (char === '{') depth += 1
      if (char === '}') depth -= 1
      at += 1
    }
  }
  return { code: out.join(''), comments, strings }
}

function commentEnd(text: string, start: number): number {
  const isBlock = text[start + 1] === '*'
  const end = text.indexOf(isBlock ? '*/' : '\n', start + 2)
  return end === -1 ? text.length : end + (isBlock ? 2 : 0)
}

function quotedEnd(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text[at] !== text[start] && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1
  return Math.min(at + 1, text.length)
}

/** Just behind the closing backtick, or behind the opening brace of the next `${`. */
function templateEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += text[at] === '\\' ? 2 : 1) {
    if (text[at] === '`') return at + 1
    if (text[at] === '$' && text[at + 1] === '{') return at + 2
  }
  return text.length
}

function regexEnd(text: string, start: number): number {
  let inClass = false
  for (let at = start + 1; at < text.length && text[at] !== '\n'; at += text[at] === '\\' ? 2 : 1) {
    if (text[at] === '[') inClass = true
    if (text[at] === ']') inClass = false
    if (text[at] === '/' && !inClass) return at + 1
  }
  return start + 1
}

function startsRegex(out: readonly string[], at: number): boolean {
  let back = at - 1
  while (back >= 0 && /\s/.test(out[back] ?? '')) back -= 1
  if (back < 0) return true
  const last = out[back] ?? ''
  if (/[\w$]/.test(last)) {
    const word = /[\w$]+$/.exec(out.slice(Math.max(0, back - 12), back + 1).join(''))?.[0] ?? ''
    return ['return', 'typeof', 'case', 'in', 'of', 'delete', 'void', 'throw', 'new', 'else', 'do', 'await'].includes(
      word,
    )
  }
  return !`)]}'"\``.includes(last)
}
