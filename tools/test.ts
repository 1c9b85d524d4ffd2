/** `npm test [files]`: every unit, contract, vector and journey test that needs neither root nor another language's programs. */
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { testFiles } from './testFiles.ts'
import { treeRoot } from './tidy/tree.ts'

const only = process.argv.slice(2)
const files = only.length > 0 ? globSync(only).sort() : testFiles(treeRoot)
if (files.length === 0) {
  console.error('no test files found')
  process.exit(64)
}
const cwd = only.length > 0 ? process.cwd() : treeRoot
// A file is one process, and many wait for a disk or for programs that they started. `node --test` would run one less than
// there are processors, and in the order of names, so that the journeys, the longest, came last and alone.
const concurrency = availableParallelism() + 1
const inOrder = files.toSorted((a, b) => Number(isWhole(b)) - Number(isWhole(a)))
const results = run({ cwd, files: inOrder, concurrency })
results.on('test:fail', () => {
  process.exitCode = 1
})
results.compose(spec).pipe(process.stdout)

/** Whether a file of tests runs whole programs. */
function isWhole(file: string): boolean {
  return file.startsWith('tests/')
}
