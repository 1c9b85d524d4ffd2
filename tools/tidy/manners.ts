import { importsOf, importTarget } from './imports.ts'
import { type Finding, findingAt, isTest, maskedOf, type Rule, type SourceFile } from './sourceText.ts'

const maxLines = 400

/** Spelled in parts, so that this file passes its own rule. */
const unfinished = new RegExp(`\\b(?:${['TO', 'FIX'].join('DO|')}ME|XX${'X'}|HAC${'K'})\\b`, 'g')
const silenced = /@ts-(?:ignore|expect-error|nocheck)|biome-ignore-all/g
const muted =
  /\b(?:test|it|describe|suite)\.(?:skip|only|todo)\b|\b(?:skip|only|todo):(?!\s*(?:false\b|process\.platform ===))|\bt\.(?:skip|todo)\s*\(|\bdebugger\b/g

function sources(files: readonly SourceFile[]): SourceFile[] {
  return files.filter((file) => /\.(?:ts|js|cjs)$/.test(file.path))
}

/** Nothing is left half done, switched off or silenced. A test may be left out on one platform, never on all. */
export const noLeftovers: Rule = (files) =>
  sources(files).flatMap((file) => {
    const { code, comments } = maskedOf(file)
    const inComments = comments.flatMap((comment) =>
      [...comment.text.matchAll(unfinished), ...comment.text.matchAll(silenced)].map((match) =>
        findingAt(file, comment.start + match.index, `leftover: ${match[0]}`),
      ),
    )
    const inCode = [...code.matchAll(muted)].map((match) => findingAt(file, match.index, `leftover: ${match[0]}`))
    return [...inComments, ...inCode]
  })

/** Everything is exported by name, from the file that defines it. */
export const namedExports: Rule = (files) =>
  sources(files).flatMap((file) => {
    const { code } = maskedOf(file)
    const found: Finding[] = []
    for (const match of code.matchAll(/\bexport\s+default\b|\bexport\s*\{[^}]*\bas\s+default\b/g)) {
      found.push(findingAt(file, match.index, 'default export'))
    }
    for (const match of code.matchAll(/\bexport\s*\*|\bexport\s*(?:type\s*)?\{[^}]*\}\s*from\b/g)) {
      found.push(findingAt(file, match.index, 'a file exports only what it defines'))
    }
    if (/(?:^|\/)index\.ts$/.test(file.path)) found.push(findingAt(file, 0, 'a file is named after its main export'))
    return found
  })

/** A file that needs more lines is two files. */
export const shortFiles: Rule = (files) =>
  sources(files).flatMap((file) => {
    const lines = file.text.split('\n').length - 1
    return lines > maxLines ? [findingAt(file, file.text.length, `${lines} lines, more than ${maxLines}`)] : []
  })

/** Paths of one machine and hosts that only one workplace needs. Spelled in parts, as above. */
const placesOfOneMachine = [
  new RegExp(`(?<![\\w.@/-])/(?:${['work', 'root', 'opt'].join('|')}|home/\\w+|Users/\\w+)/[\\w.-]`, 'g'),
  new RegExp(
    ['registry.npm' + 'js', 'registry.yarn' + 'pkg', 'proxy.go' + 'lang', 'files.python' + 'hosted'].join('|'),
    'g',
  ),
  new RegExp(`/tmp/(?:${'brief'}|bash_jobs)`, 'g'),
]

/** Nothing in the tree knows the machine it was written on. */
export const noMachinePaths: Rule = (files) =>
  files.flatMap((file) =>
    placesOfOneMachine.flatMap((pattern) =>
      [...file.text.matchAll(pattern)].map((match) =>
        findingAt(file, match.index, `names a place of one machine: ${match[0]}`),
      ),
    ),
  )

/** Tests are the only ones to import what is for tests. */
export const testsStayOutside: Rule = (files) =>
  sources(files)
    .filter((file) => file.path.startsWith('packages/') && !isTest(file.path))
    .flatMap((file) =>
      importsOf(file)
        .filter(({ specifier }) => specifier === 'node:test' || isTest(importTarget(file.path, specifier) ?? ''))
        .map(({ specifier, offset }) => findingAt(file, offset, `${specifier} is for tests`)),
    )
