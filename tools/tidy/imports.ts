import path from 'node:path'
import { maskedOf, type SourceFile, type Span } from './sourceText.ts'

/** One import or re-export, dynamic ones included. */
export interface Import {
  readonly specifier: string
  /** Offset of the specifier in the text. */
  readonly offset: number
  /** What stands between `import` and `from`; empty for side effects and dynamic imports. */
  readonly clause: string
  readonly isTypeOnly: boolean
}

const statement = /\b(import|export)\b(?!\s*\()([^'"`;()=]*?)\bfrom\s*(['"])|\bimport\s*(['"])|\bimport\s*\(\s*(['"`])/g

/** Every import of a TypeScript file, with literal specifiers. */
export function importsOf(file: SourceFile): Import[] {
  const { code, strings } = maskedOf(file)
  const byStart = new Map<number, Span>(strings.map((span) => [span.start, span]))
  return [...code.matchAll(statement)].flatMap((match) => {
    const offset = match.index + match[0].length - 1
    const literal = byStart.get(offset)
    if (literal === undefined) return []
    const clause = (match[2] ?? '').trim()
    return [{ specifier: literal.text, offset, clause, isTypeOnly: clause.startsWith('type ') }]
  })
}

/** The names that an import clause binds, as the module exports them. `* as x` gives `*`, a default import `default`. */
export function importedNames(clause: string): string[] {
  const braces = /\{([^}]*)\}/.exec(clause)
  const named = (braces?.[1] ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '' && !part.startsWith('type '))
    .map((part) => part.split(/\s+as\s+/)[0] ?? part)
  const rest = clause.replace(/^type\s/, '').replace(/\{[^}]*\}/, '')
  if (rest.includes('*')) named.push('*')
  if (/^\s*[\w$]+/.test(rest)) named.push('default')
  return named
}

const packageNames: Readonly<Record<string, string>> = {
  '@countersign/protocol': 'protocol',
  '@countersign/local': 'local',
  '@countersign/platform': 'platform',
  'countersign-server': 'server',
  'countersign-validator': 'validator',
  'countersign-agent': 'agent',
  countersign: 'cli',
}

/** The file of the tree that an import means, or undefined for a module from outside. */
export function importTarget(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return path.posix.join(path.posix.dirname(from), specifier)
  for (const [name, folder] of Object.entries(packageNames)) {
    if (specifier.startsWith(`${name}/`)) return `packages/${folder}/src/${specifier.slice(name.length + 1)}`
  }
  return undefined
}
