import { importedNames, importsOf } from './imports.ts'
import { type Finding, findingAt, isTest, lineAt, maskedOf, type Rule, type SourceFile } from './sourceText.ts'

/** The only folders that may write durably by themselves. */
const writers = ['packages/local/src/files/', 'packages/platform/src/database/']

/** What hands a point on from its caller instead of naming it. Each of these takes `point` as a parameter. */
const plumbing = [...writers, 'packages/platform/src/blobs/', 'packages/local/src/calls/transfer.ts']

/** What `node:fs` and `node:fs/promises` export that leaves no trace on disk. */
const readingNames = new Set(
  (
    'access accessSync constants createReadStream existsSync fstat fstatSync glob globSync lstat lstatSync open opendir ' +
    'openSync read readSync close closeSync readFile readFileSync readdir readdirSync readlink realpath realpathSync stat ' +
    'statSync statfs statfsSync watch'
  ).split(' '),
)

/** Calls that write durably, and so must name a crash point. */
const durableCall =
  /(?<!function |\.)\b(replaceFile|createFiles?|makeFolder|removeFile|writeStreamedFile|createTree|removeTree)\s*\(|\b(?:await|return)\s+(download)\s*\(|\.(putOnce|putAllOnce|transaction|commitTogether)\s*(?:<[^()]*>)?\s*\(|\b(?:blobs|Blobs)\.(replace|delete)\s*\(/g

function isProduct(file: SourceFile): boolean {
  return file.path.startsWith('packages/') && file.path.includes('/src/') && !isTest(file.path)
}

function startsWithOneOf(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path.startsWith(folder))
}

/** Writing to files and opening databases happens only in the folders that name their crash points. */
export const writesInOnePlace: Rule = (files) =>
  files
    .filter((file) => isProduct(file) && !startsWithOneOf(file.path, writers))
    .flatMap((file) => [...writingImports(file), ...writingOpens(file)])

function writingImports(file: SourceFile): Finding[] {
  return importsOf(file).flatMap(({ specifier, offset, clause, isTypeOnly }) => {
    if (isTypeOnly) return []
    if (specifier === 'node:sqlite') return [findingAt(file, offset, 'node:sqlite is for platform/src/database')]
    if (!/^(?:node:)?fs(?:\/promises)?$/.test(specifier)) return []
    return importedNames(clause)
      .filter((name) => !readingNames.has(name))
      .map((name) => findingAt(file, offset, `${name} of ${specifier} writes outside local/src/files`))
  })
}

function writingOpens(file: SourceFile): Finding[] {
  if (!importsOf(file).some(({ specifier }) => /^(?:node:)?fs/.test(specifier))) return []
  return [...maskedOf(file).code.matchAll(/(?<![.\w])open(?:Sync)?\s*\(/g)].flatMap((match) => {
    const call = argumentsText(file, match.index + match[0].length)
    return /,\s*('r'|"r"|constants\.O_RDONLY\b[^,]*)/.test(call)
      ? []
      : [findingAt(file, match.index, 'a file is opened for writing outside local/src/files')]
  })
}

/** The text between the parenthesis that ends at `start` and the one that closes it. */
function argumentsText(file: SourceFile, start: number): string {
  const { code } = maskedOf(file)
  let depth = 1
  let at = start
  for (; at < code.length && depth > 0; at += 1) {
    if ('([{'.includes(code[at] ?? '')) depth += 1
    if (')]}'.includes(code[at] ?? '')) depth -= 1
  }
  return file.text.slice(start, at - 1)
}

/** One durable write of the product, with the literal name of its crash point where it has one. */
interface DurableCall {
  readonly file: SourceFile
  readonly offset: number
  readonly name: string
  readonly point: string | undefined
}

/** Where the point stands that is no option: first, or last. */
const pointAt: Readonly<Record<string, RegExp>> = {
  transaction: /^\s*'([^']+)'/,
  commitTogether: /^\s*'([^']+)'/,
  download: /'([^']+)',?\s*$/,
}

function durableCalls(file: SourceFile): DurableCall[] {
  const { code } = maskedOf(file)
  return [...code.matchAll(durableCall)].flatMap((match) => {
    const name = match.slice(1).find((group) => group !== undefined) ?? ''
    const call = argumentsText(file, match.index + match[0].length)
    const point = (pointAt[name] ?? /\bpoint:\s*'([^']+)'/).exec(call)?.[1]
    return [{ file, offset: match.index, name, point }]
  })
}

/** Every durable write names its crash point in a literal, and no two share one. */
export const namedCrashPoints: Rule = (files) => {
  const seen = new Map<string, DurableCall>()
  return files
    .filter((file) => isProduct(file) && !startsWithOneOf(file.path, plumbing))
    .flatMap(durableCalls)
    .flatMap((call) => {
      if (call.point === undefined) {
        return [findingAt(call.file, call.offset, `${call.name} without a crash point in a string literal`)]
      }
      const first = seen.get(call.point)
      seen.set(call.point, first ?? call)
      if (first === undefined) return []
      const where = `${first.file.path}:${lineAt(first.file.text, first.offset)}`
      return [findingAt(call.file, call.offset, `crash point ${call.point} is already used at ${where}`)]
    })
}

/** The names of all crash points that the product's call sites carry, sorted. */
export function crashPointNames(files: readonly SourceFile[]): string[] {
  const calls = files.filter((file) => isProduct(file)).flatMap(durableCalls)
  return [...new Set(calls.flatMap((call) => call.point ?? []))].sort()
}
