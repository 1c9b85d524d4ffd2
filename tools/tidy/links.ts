import path from 'node:path'
import { type Finding, findingAt, type Rule, type SourceFile } from './sourceText.ts'

const link = /(?<!!)\[(?:[^\]\\]|\\.)*\]\(([^)\s]+)(?:\s+"[^"]*")?\)|!\[[^\]]*\]\(([^)\s]+)\)/g
const namedPath = /`((?:packages|tests|tools|bench|docs|deploy)\/[\w./-]+)`/g
const outside = /^(?:[a-z]+:|\/\/)/i

/** Markdown with fenced blocks blanked, so that examples in them are not taken for links. */
function withoutFences(text: string): string {
  return text.replace(/^(```|~~~)[\s\S]*?^\1/gm, (block) => block.replace(/[^\n]/g, ' '))
}

/** The anchors that headings make, by the rule of the sites that show Markdown. */
export function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>()
  const anchors = new Set<string>()
  for (const match of withoutFences(text).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const plain = (match[1] ?? '').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '')
    const slug = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-')
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    anchors.add(count === 0 ? slug : `${slug}-${count}`)
  }
  for (const match of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(match[1] ?? '')
  return anchors
}

/**
 * Every relative link in a Markdown file leads to a file or folder of the tree and to a heading in it, and every path of the
 * tree that is named in code type exists. Links to other hosts are not followed.
 */
export const liveLinks: Rule = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const folders = new Set(files.flatMap(({ path: name }) => parentsOf(name)))
  const exists = (name: string) => byPath.has(name) || folders.has(name.replace(/\/$/, ''))
  return files
    .filter((file) => file.path.endsWith('.md'))
    .flatMap((file) => [...deadLinks(file, byPath, exists), ...deadPaths(file, exists)])
}

function deadLinks(
  file: SourceFile,
  byPath: ReadonlyMap<string, SourceFile>,
  exists: (name: string) => boolean,
): Finding[] {
  return [...withoutFences(file.text).matchAll(link)].flatMap((match) => {
    const target = decodeURI(match[1] ?? match[2] ?? '')
    if (outside.test(target)) return []
    const [name = '', anchor] = target.split('#')
    const full = name === '' ? file.path : path.posix.join(path.posix.dirname(file.path), name)
    if (!exists(full)) return [findingAt(file, match.index, `dead link: ${target}`)]
    const text = byPath.get(full)?.text
    if (anchor === undefined || text === undefined || anchorsOf(text).has(anchor)) return []
    return [findingAt(file, match.index, `no such heading: ${target}`)]
  })
}

function deadPaths(file: SourceFile, exists: (name: string) => boolean): Finding[] {
  return [...withoutFences(file.text).matchAll(namedPath)].flatMap((match) =>
    exists(match[1] ?? '') ? [] : [findingAt(file, match.index, `no such file: ${match[1]}`)],
  )
}

function parentsOf(name: string): string[] {
  const parts = name.split('/').slice(0, -1)
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
}
