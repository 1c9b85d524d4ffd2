import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import type { RunningProcess } from '../state/storedState.ts'
import { processFacts } from './processFacts.ts'
import { endRemains, startProgram, takeOver } from './program.ts'

const root = mkdtempSync(join(tmpdir(), 'countersign-program-'))
after(() => rmSync(root, { recursive: true, force: true }))
const files = join(root, 'files')
mkdirSync(files)
const isAlive = (pid: number) => processFacts(pid)?.isZombie === false

function run(code: string, remember: (record: RunningProcess) => Promise<void> = async () => {}, start = 'node') {
  writeFileSync(join(files, 'program.js'), code)
  const manifest = {
    product: 'p',
    version: '1',
    start: [start, 'program.js', '${PORT}'],
    firstParty: [],
    stopTimeoutMs: 300,
  }
  const job = {
    sha256: 'ab'.repeat(32),
    manifest,
    files,
    work: join(root, 'work'),
    output: join(root, 'out', 'p.log'),
    port: 4711,
    remember,
  }
  return startProgram(job, new Date(), systemClock)
}

/** Resolves with the numbers that the program has printed, once it has. */
async function printed(pattern: RegExp): Promise<RegExpExecArray> {
  for (let waited = 0; waited < 100; waited++) {
    const found = pattern.exec(
      existsSync(join(root, 'out', 'p.log')) ? readFileSync(join(root, 'out', 'p.log'), 'utf8') : '',
    )
    if (found) return found
    await systemClock.sleep(50)
  }
  return assert.fail(`nothing like ${pattern} was printed`)
}

test('everything that a program has started ends with it, also what left its session and ignores SIGTERM', async () => {
  const grandchild = `process.on('SIGTERM', () => {}); console.log('grandchild', process.pid); setInterval(() => {}, 1000)`
  const program = await run(`process.on('SIGTERM', () => {})
    require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}], { stdio: 'inherit' })
    setInterval(() => {}, 1000)`)
  const pid = Number((await printed(/grandchild (\d+)/))[1])
  assert.ok(isAlive(pid))
  await Promise.all([program.stop(), program.stop()])
  assert.deepEqual([isAlive(pid), isAlive(program.record.pid)], [false, false])
})

test('the environment holds four variables, and the port stands in the arguments', async () => {
  const program = await run(`console.log('told', process.argv[2], Object.keys(process.env).sort().join())`)
  const [, port, names] = await printed(/told (\S+) (\S+)/)
  await program.exit
  await program.stop()
  assert.equal(port, '4711')
  assert.equal(names?.replace(/,(?:PWD|SHLVL|_|OLDPWD)\b/g, ''), 'HOME,PATH,PORT,TMPDIR')
})

test('nothing runs before its record is durable', async () => {
  const marker = join(root, 'ran')
  await assert.rejects(
    run(`require('node:fs').writeFileSync(${JSON.stringify(marker)}, '')`, async () => {
      await systemClock.sleep(300)
      throw new Error('the disk is full')
    }),
    /the disk is full/,
  )
  assert.equal(existsSync(marker), false)
})

test('a program is taken over by number and start time together, and its remains are ended', async () => {
  const { record } = await run('setInterval(() => {}, 1000)')
  assert.equal(takeOver({ ...record, startTicks: '1' }, 100, systemClock), undefined)
  assert.equal(takeOver({ ...record, bootId: '00000000-0000-0000-0000-000000000000' }, 100, systemClock), undefined)
  assert.equal(takeOver(record, 100, systemClock)?.record.pid, record.pid)
  await endRemains(record, systemClock)
  assert.equal(isAlive(record.pid), false)
})

test('nobody watches a program that was taken over once the agent ends, and it goes on', async () => {
  const { record } = await run('setInterval(() => {}, 1000)')
  let watching = 0
  const clock = {
    ...systemClock,
    async sleep(ms: number, signal?: AbortSignal) {
      watching++
      await systemClock.sleep(ms, signal).finally(() => watching--)
    },
  }
  const ending = new AbortController()
  const taken = takeOver(record, 100, clock, ending.signal)
  let hasEnded = false
  void taken?.exit.then(() => {
    hasEnded = true
  })
  await systemClock.sleep(20)
  assert.equal(watching, 1)
  ending.abort()
  await systemClock.sleep(20)
  assert.deepEqual([watching, hasEnded, isAlive(record.pid)], [0, false, true])
  await endRemains(record, systemClock)
})

test('enforce.no-program: a program that is no file of the artifact', async () => {
  await assert.rejects(run('', undefined, 'bin/absent'), (error) => hasCode(error, 'enforce.no-program'))
})
