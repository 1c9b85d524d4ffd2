import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import path from 'node:path'

const workspaces: Readonly<Record<string, string>> = {
  '@countersign/protocol': 'protocol',
  '@countersign/local': 'local',
  '@countersign/platform': 'platform',
  'countersign-server': 'server',
  countersign: 'cli',
}

const ours = new Set([...Object.keys(workspaces), '@countersign'])
const left = new Set(['node_modules', '.git', 'dist', '.work'])

/**
 * Copies the tree to `folder`. Packages from outside are shared by links; the tree's own packages lead to the copy, so that a
 * change in the copy is what its tests see.
 */
export function copyTree(root: string, folder: string): void {
  for (const name of readdirSync(root)) {
    if (!left.has(name)) cpSync(path.join(root, name), path.join(folder, name), { recursive: true })
  }
  const modules = path.join(folder, 'node_modules')
  mkdirSync(path.join(modules, '@countersign'), { recursive: true })
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    if (!ours.has(name)) symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name))
  }
  for (const [name, source] of Object.entries(workspaces)) {
    symlinkSync(path.join(folder, 'packages', source), path.join(modules, name))
  }
}
