/**
 * `npm run test:planted`: plants defects one by one into a copy of the tree and runs the test that must notice each.
 * With names of defects behind it, only those. Ends with status 1 when one survives, no longer applies, or is "caught" by a
 * test that fails without it too.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { runProgram } from '../support/runProgram.ts'
import { inTemporaryFolder } from '../support/temporaryFolder.ts'
import { type Defect, plant, readDefects } from './defect.ts'
import { copyTree } from './treeCopy.ts'

const root = path.resolve(import.meta.dirname, '..', '..')
const leastDefects = 20

type Outcome = 'passed' | 'failed' | 'did not run'

/** The outcome of one test in a file of tests. Only what has its title in its own is run. */
async function outcome(folder: string, { file, title }: Defect['caughtBy']): Promise<Outcome> {
  const only = `--test-name-pattern=${RegExp.escape(title)}`
  const command = [process.execPath, '--test', '--test-reporter=tap', only, file]
  const env = { NODE_TEST_CONTEXT: undefined }
  const { stdout } = await runProgram(command, { cwd: folder, env, timeoutMs: 10 * 60_000 })
  const escaped = RegExp.escape(title.replace(/[\\#]/g, (char) => `\\${char}`))
  const line = new RegExp(`^\\s*(ok|not ok) \\d+ - ${escaped}$`, 'm').exec(stdout)
  if (line === null) return 'did not run'
  return line[1] === 'ok' ? 'passed' : 'failed'
}

/** Plants one defect, asks its test, and takes it out again. Returns what is wrong, or undefined when it was caught. */
async function survives(folder: string, defect: Defect): Promise<string | undefined> {
  const file = path.join(folder, defect.file)
  const { caughtBy } = defect
  const before = await outcome(folder, caughtBy)
  if (before !== 'passed') return `without the defect "${caughtBy.title}" in ${caughtBy.file} ${before}`
  const sound = readFileSync(file, 'utf8')
  writeFileSync(file, plant(defect, sound))
  const after = await outcome(folder, caughtBy)
  writeFileSync(file, sound)
  return after === 'failed' ? undefined : `survived: "${caughtBy.title}" in ${caughtBy.file} ${after}`
}

const only = process.argv.slice(2)
const all = await readDefects()
const defects = only.length === 0 ? all : new Map([...all].filter(([name]) => only.includes(name)))
const survivors = await inTemporaryFolder('countersign-planted-', async (folder) => {
  copyTree(root, folder)
  const found: string[] = []
  for (const [name, defect] of defects) {
    const problem = await survives(folder, defect).catch(String)
    console.log(`${problem === undefined ? 'caught  ' : 'SURVIVED'}  ${name}: ${defect.what}`)
    if (problem !== undefined) found.push(`${name}: ${problem}`)
  }
  return found
})
for (const survivor of survivors) console.log(`\n${survivor}`)
console.log(`\nplanted ${defects.size}, caught ${defects.size - survivors.length}`)
const expected = only.length === 0 ? leastDefects : only.length
process.exitCode = survivors.length === 0 && defects.size >= expected ? 0 : 1
