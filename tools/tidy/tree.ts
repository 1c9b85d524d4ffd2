import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { SourceFile } from './sourceText.ts'

const skipped = new Set(['node_modules', '.git', 'dist', '.work'])
const readable = /\.(?:ts|js|cjs|md|json|html|css|sh|toml|yml|txt|mod)$|(?:^|\/)(?:\.ci\/[\w-]+|LICENSE)$/

/** The root of the tree that this file is in. */
export const treeRoot = path.resolve(import.meta.dirname, '..', '..')

/** Every file of the tree by its path from the root; files that hold no text have an empty `text`. */
export function readTree(root: string = treeRoot, folder = ''): SourceFile[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : readTree(root, name)
    if (!entry.isFile()) return []
    return [{ path: name, text: readable.test(name) ? readFileSync(path.join(root, name), 'utf8') : '' }]
  })
}
