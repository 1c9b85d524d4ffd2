import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import path from 'node:path'

const left = new Set(['node_modules', '.git', 'dist', '.work'])

/**
 * Copies the tree to `folder`. Packages from outside are shared by links; the tree's own packages lead to the copy, so that a
 * change in the copy is what its tests see.
 */
export function copyTree(root: string, folder: string): void {
  for (const name of readdirSync(root)) {
    if (!left.has(name)) cpSync(path.join(root, name), path.join(folder, name), { recursive: true })
  }
  const own = ownPackages(root)
  const modules = path.join(folder, 'node_modules')
  mkdirSync(path.join(modules, '@countersign'), { recursive: true })
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    const isOurs = own.has(name) || name === '@countersign'
    if (!isOurs) symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name))
  }
  for (const [name, source] of own) symlinkSync(path.join(folder, 'packages', source), path.join(modules, name))
}

/** The folder of every package of the tree, by the name under which the others import it. */
function ownPackages(root: string): ReadonlyMap<string, string> {
  const folders = readdirSync(path.join(root, 'packages'))
  return new Map(
    folders.map((folder) => {
      const { name } = JSON.parse(readFileSync(path.join(root, 'packages', folder, 'package.json'), 'utf8'))
      return [name as string, folder]
    }),
  )
}
