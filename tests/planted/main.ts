/**
 * `npm run test:planted`: plants defects one by one into copies of the tree and runs the test that must notice each. Some are
 * noticed by a world of the simulation. With names of defects behind it, only those. Ends with status 1 when one survives, no
 * longer applies, or is "caught" by a test that fails without it too.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { runProgram } from '../support/runProgram.ts'
import { inTemporaryFolder } from '../support/temporaryFolder.ts'
import { type CatchingTest, type CatchingWorld, type Defect, plant, readDefects } from './defect.ts'
import { copyTree } from './treeCopy.ts'

const root = path.resolve(import.meta.dirname, '..', '..')
const leastDefects = 20

type Outcome = 'passed' | 'failed' | 'did not run'

/** What became of what has to notice the defect. Without one that is asked once, for a world judges several defects. */
const outcomesWithout = new Map<string, Promise<Outcome>>()

function outcomeWithout(folder: string, caughtBy: Defect['caughtBy']): Promise<Outcome> {
  const key = 'world' in caughtBy ? caughtBy.world : `${caughtBy.file} ${caughtBy.title}`
  const known = outcomesWithout.get(key) ?? outcome(folder, caughtBy)
  outcomesWithout.set(key, known)
  return known
}

function outcome(folder: string, caughtBy: Defect['caughtBy']): Promise<Outcome> {
  return 'world' in caughtBy ? outcomeOfWorld(folder, caughtBy) : outcomeOfTest(folder, caughtBy)
}

/** Failed is only a world in which the very property does not hold. */
async function outcomeOfWorld(folder: string, { world, property }: CatchingWorld): Promise<Outcome> {
  const [seed = '', devices = '', hours = '', weather] = world.split(' ')
  const chosen = ['--seed', seed, '--devices', devices, '--hours', hours, ...(weather === 'honest' ? ['--honest'] : [])]
  const command = [process.execPath, 'tests/simulation/main.ts', ...chosen]
  const { status, stdout } = await runProgram(command, { cwd: folder, env: ownCache(folder), timeoutMs: 10 * 60_000 })
  if (stdout.includes(`: ${property}: `)) return 'failed'
  return status === 0 && stdout.includes(' 0 violations') ? 'passed' : 'did not run'
}

/** What is compiled from a copy is of use to that copy alone, and goes with it. */
function ownCache(folder: string) {
  return { NODE_COMPILE_CACHE: path.join(folder, '.work', 'compiled') }
}

/** The outcome of one test in a file of tests. Only what has its title in its own is run. */
async function outcomeOfTest(folder: string, { file, title }: CatchingTest): Promise<Outcome> {
  const only = `--test-name-pattern=${RegExp.escape(title)}`
  const command = [process.execPath, '--test', '--test-reporter=tap', only, file]
  const env = { ...ownCache(folder), NODE_TEST_CONTEXT: undefined }
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
  const before = await outcomeWithout(folder, caughtBy)
  if (before !== 'passed') return `without the defect ${wordsOf(caughtBy)} ${before}`
  const sound = readFileSync(file, 'utf8')
  writeFileSync(file, plant(defect, sound))
  const after = await outcome(folder, caughtBy).finally(() => writeFileSync(file, sound))
  return after === 'failed' ? undefined : `survived: ${wordsOf(caughtBy)} ${after}`
}

/** Copies the tree to `folder` and plants there what still waits, one after the other. Returns what is wrong with defects. */
async function plantIn(folder: string): Promise<string[]> {
  mkdirSync(folder)
  copyTree(root, folder)
  const found: string[] = []
  for (const [name, defect] of waiting) {
    const problem = await survives(folder, defect).catch(String)
    console.log(`${problem === undefined ? 'caught  ' : 'SURVIVED'}  ${name}: ${defect.what}`)
    if (problem !== undefined) found.push(`${name}: ${problem}`)
  }
  return found
}

function wordsOf(caughtBy: Defect['caughtBy']): string {
  if ('world' in caughtBy) return `"${caughtBy.property}" in the world ${caughtBy.world}`
  return `"${caughtBy.title}" in ${caughtBy.file}`
}

const only = process.argv.slice(2)
const all = await readDefects()
const defects = only.length === 0 ? all : new Map([...all].filter(([name]) => only.includes(name)))
// One more than there are processors, because tests also wait for a disk and for programs that they start.
const copies = Math.min(availableParallelism() + 1, defects.size)
// All copies take from this one, so that each defect is planted once.
const waiting = defects.entries()
const survivors = await inTemporaryFolder('countersign-planted-', async (folder) => {
  const found = Array.from({ length: copies }, (_, copy) => plantIn(path.join(folder, String(copy))))
  return (await Promise.all(found)).flat()
})
for (const survivor of survivors) console.log(`\n${survivor}`)
console.log(`\nplanted ${defects.size}, caught ${defects.size - survivors.length}`)
const expected = only.length === 0 ? leastDefects : only.length
process.exitCode = survivors.length === 0 && defects.size >= expected ? 0 : 1
