/** `npm test [files]`: every unit, contract, vector and journey test that needs neither root nor another language's programs. */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { testFiles } from './testFiles.ts'
import { treeRoot } from './tidy/tree.ts'

const only = process.argv.slice(2)
const files = only.length > 0 ? globSync(only).sort() : testFiles(treeRoot)
if (files.length === 0) {
  console.error('no test files found')
  process.exit(64)
}
const cwd = only.length > 0 ? process.cwd() : treeRoot
const run = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...files], { cwd, stdio: 'inherit' })
process.exit(run.status ?? 70)
