import { type Finding, findingAt, isTest, maskedOf, type Rule, type SourceFile } from './sourceText.ts'

const exported =
  /^export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(function\*?|const|let|class|interface|type|enum)\s+([\w$]+)/gm
const interfaceHead = /(\bexport\s+)?\binterface\s+([\w$]+)/g
const method = /^\s*([\w$]+|\[[^\]]*\])\??\s*[<(]/
const callback = /^\s*(?:readonly\s+)?([\w$]+)\??\s*:\s*(?:<[^>]*>\s*)?\([^)]*\)\s*=>/

/** True where nothing but blanks stands between the end of a documentation comment and `offset`. */
function isDocumented(file: SourceFile, offset: number): boolean {
  const { code, comments } = maskedOf(file)
  const above = comments.filter((comment) => comment.end <= offset).at(-1)
  if (above?.text.startsWith('/**') !== true) return false
  const isTag = /^\/\*\*\s*@/.test(above.text)
  return !isTag && above.text.length > 12 && code.slice(above.end, offset).trim() === ''
}

/** Every export of `protocol` says what it is. Of an overloaded function, the first signature speaks for all. */
export const documentedExports: Rule = (files) =>
  files
    .filter((file) => file.path.startsWith('packages/protocol/src/') && !isTest(file.path))
    .flatMap((file) => {
      const seen = new Set<string>()
      return [...maskedOf(file).code.matchAll(exported)].flatMap((match) => {
        const name = match[2] ?? ''
        const isOverload = match[1] === 'function' && seen.has(name)
        seen.add(name)
        if (isOverload || isDocumented(file, match.index)) return []
        return [findingAt(file, match.index, `export ${name} has no documentation comment`)]
      })
    })

/** Every method of an interface, in every package, says what it promises; of exported ones, also every property that is a function. */
export const documentedMethods: Rule = (files) =>
  files
    .filter((file) => file.path.startsWith('packages/') && !isTest(file.path))
    .flatMap((file) => [...maskedOf(file).code.matchAll(interfaceHead)].flatMap((head) => undocumented(file, head)))

function undocumented(file: SourceFile, head: RegExpExecArray): Finding[] {
  const { code } = maskedOf(file)
  return membersOf(code, bodyStart(code, head.index)).flatMap((member) => {
    const isShared = head[1] !== undefined
    const name = (method.exec(member.text) ?? (isShared ? callback.exec(member.text) : null))?.[1]
    const offset = member.start + member.text.search(/\S/)
    if (name === undefined || isDocumented(file, offset)) return []
    return [findingAt(file, offset, `method ${name} of interface ${head[2]} has no documentation comment`)]
  })
}

/** Just behind the brace that opens the body: the first one outside the type parameters. */
function bodyStart(code: string, head: number): number {
  let depth = 0
  for (let at = head; at < code.length; at += 1) {
    if (code[at] === '<') depth += 1
    if (code[at] === '>') depth -= 1
    if (code[at] === '{' && depth === 0) return at + 1
  }
  return code.length
}

/** The members of an interface whose body starts at `start`: stretches that end with a line at depth 0. */
function membersOf(code: string, start: number): { start: number; text: string }[] {
  const members: { start: number; text: string }[] = []
  let depth = 0
  let from = start
  for (let at = start; at < code.length; at += 1) {
    const char = code[at] ?? ''
    if (char === '}' && depth === 0) break
    if ('{(['.includes(char)) depth += 1
    if ('})]'.includes(char)) depth -= 1
    if ((char === '\n' || char === ';') && depth === 0) {
      const text = code.slice(from, at)
      if (text.trim() !== '') members.push({ start: from, text })
      from = at + 1
    }
  }
  return members
}
