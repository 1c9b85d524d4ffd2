import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import type { RunningProcess } from '../state/storedState.ts'
import { controlGroupBases } from './controlGroup.ts'
import { processFacts } from './processFacts.ts'
import { endRemains, startProgram, takeOver } from './program.ts'

const root = mkdtempSync(join(tmpdir(), 'countersign-program-'))
after(() => rmSync(root, { recursive: true, force: true }))
const files = join(root, 'files')
mkdirSync(files)
const isAlive = (pid: number) => processFacts(pid)?.isZombie === false

function run(
  code: string,
  remember: (record: RunningProcess) => Promise<void> = async () => {},
  start = 'node',
  at = files,
) {
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
    files: at,
    work: join(root, 'work'),
    output: join(root, 'out', 'p.log'),
    port: 4711,
    remember,
  }
  return startProgram(job, new Date(), systemClock)
}

/** Where this process may have made control groups of version 2. */
function controlGroupPlaces(): string[] {
  if (process.platform !== 'linux') return []
  const [mounts = '', own = ''] = ['/proc/self/mountinfo', '/proc/self/cgroup'].map((path) =>
    readFileSync(path, 'utf8'),
  )
  return controlGroupBases(mounts, own)
}

/** The control groups that programs of these tests are in. */
function groupsOfThisProcess(): string[] {
  return controlGroupPlaces().map((place) => join(place, `countersign-${'ab'.repeat(8)}-${process.pid}`))
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

/** What ignores SIGTERM and tells its number as `name`. */
const stubborn = (name: string) =>
  `process.on('SIGTERM', () => {}); console.log('${name}', process.pid); setInterval(() => {}, 1000)`

/** A program with two children, of which one has left session and process group (setsid, by `detached`). */
async function withChildren() {
  rmSync(join(root, 'out'), { recursive: true, force: true })
  const start = (name: string, detached: boolean) =>
    `spawn(process.execPath, ['-e', ${JSON.stringify(stubborn(name))}], { stdio: 'inherit', detached: ${detached} })`
  const program = await run(`const { spawn } = require('node:child_process')
    ${start('stayed', false)}
    ${start('escaped', true)}
    ${stubborn('leader')}`)
  const stayed = Number((await printed(/stayed (\d+)/))[1])
  const escaped = Number((await printed(/escaped (\d+)/))[1])
  after(() => void (isAlive(escaped) && process.kill(escaped, 'SIGKILL')))
  assert.deepEqual([isAlive(stayed), isAlive(escaped)], [true, true])
  assert.equal(processFacts(stayed)?.group, program.record.pid)
  assert.equal(processFacts(escaped)?.group, escaped)
  return { program, leader: program.record.pid, stayed, escaped }
}

/**
 * Whether the system lets this process keep others in a control group of version 2. Asked of the kernel and not of the code
 * under test: a program without its control group must not pass for a system without control groups.
 */
async function hasControlGroups(): Promise<boolean> {
  const probes = controlGroupPlaces().map((place) => join(place, `probe-${process.pid}`))
  const sleeper = spawn('sleep', ['60'])
  const takes = (probe: string) => {
    try {
      mkdirSync(probe)
      writeFileSync(join(probe, 'cgroup.procs'), String(sleeper.pid))
      return true
    } catch {
      return false
    }
  }
  const isOffered = probes.some(takes)
  sleeper.kill('SIGKILL')
  await once(sleeper, 'exit')
  for (const probe of probes) if (existsSync(probe)) rmdirSync(probe)
  return isOffered
}

test('everything that a program has started ends with it, also what left its session and ignores SIGTERM', async (context) => {
  const isOffered = await hasControlGroups()
  const { program, leader, stayed, escaped } = await withChildren()
  const { controlGroup } = program.record
  await Promise.all([program.stop(), program.stop()])
  assert.deepEqual([isAlive(leader), isAlive(stayed)], [false, false])
  if (!isOffered) {
    context.diagnostic('this system lets us make no control group, so only the process group was shown to end')
    assert.equal(controlGroup, undefined)
    return
  }
  context.diagnostic(`shown with the control group ${controlGroup}`)
  assert.ok(controlGroup !== undefined, 'the system offers control groups, and the program is in one')
  assert.equal(isAlive(escaped), false, 'what left session and process group has ended, too')
  assert.equal(existsSync(controlGroup), false, 'the group is given back')
})

test('without a control group its process group ends, and what left that goes on: such a system cannot tell whose it was', async () => {
  const { program, leader, stayed, escaped } = await withChildren()
  // As a system without control groups writes it down.
  const { controlGroup: _none, ...record } = program.record
  await takeOver(record, 300, systemClock)?.stop()
  assert.deepEqual([isAlive(leader), isAlive(stayed), isAlive(escaped)], [false, false, true])
  await endRemains(program.record, systemClock)
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

test('enforce.not-started: the system starts nothing in a folder that is gone, and no control group is left', async () => {
  await assert.rejects(run('', undefined, 'node', join(root, 'gone')), (error) => hasCode(error, 'enforce.not-started'))
  for (const group of groupsOfThisProcess()) assert.equal(existsSync(group), false)
})
