import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { createFile, createFiles, makeFolder, removeFile, replaceFile } from './durable.ts'

const CRASH_HOOK = Symbol.for('countersign.crashPoint')
const hooks = globalThis as { [CRASH_HOOK]?: (name: string) => void }
const ONE = new TextEncoder().encode('one')
const TWO = new TextEncoder().encode('two')
const posixOnly = { skip: process.platform === 'win32' }

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-durable-'))
  path = join(folder, 'file')
})

afterEach(async () => {
  delete hooks[CRASH_HOOK]
  await rm(folder, { recursive: true, force: true })
})

async function content(): Promise<string> {
  return readFile(path, 'utf8')
}

test('replacing works on nothing and on an old file, and leaves one file', async () => {
  await replaceFile(path, ONE, { point: 'test.replace' })
  assert.equal(await content(), 'one')
  await replaceFile(path, TWO, { point: 'test.replace', mode: 0o600 })
  assert.equal(await content(), 'two')
  assert.deepEqual(await readdir(folder), ['file'])
})

test('the mode is the new file’s', posixOnly, async () => {
  await replaceFile(path, ONE, { point: 'test.replace' })
  await replaceFile(path, TWO, { point: 'test.replace', mode: 0o600 })
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  await createFile(join(folder, 'once'), ONE, { point: 'test.create', mode: 0o444 })
  assert.equal((await stat(join(folder, 'once'))).mode & 0o777, 0o444)
})

test('creating again with the same bytes succeeds, with other bytes it is a conflict that changes nothing', async () => {
  await createFile(path, ONE, { point: 'test.create' })
  await createFile(path, ONE, { point: 'test.create' })
  await assert.rejects(createFile(path, TWO, { point: 'test.create' }), { code: 'files.conflict' })
  assert.equal(await content(), 'one')
  assert.deepEqual(await readdir(folder), ['file'])
})

test('several files appear together, whole, and leave nothing else; one conflict says so and names it', async () => {
  const seen: [string, string[]][] = []
  const { readdirSync } = await import('node:fs')
  hooks[CRASH_HOOK] = (name) => seen.push([name, readdirSync(folder)])
  const files = ['a', 'b'].map((name) => ({ path: join(folder, name), bytes: ONE }))
  await createFiles(files, { point: 'test.together' })
  assert.deepEqual(seen, [
    ['test.together:before', []],
    ['test.together:before', []],
    ['test.together:after', ['a', 'b']],
    ['test.together:after', ['a', 'b']],
  ])
  await createFiles([...files, { path, bytes: TWO }], { point: 'test.together' })
  assert.equal(await content(), 'two')
  const other = { path: join(folder, 'b'), bytes: TWO }
  await assert.rejects(createFiles([{ path: join(folder, 'c'), bytes: ONE }, other], { point: 'test.together' }), {
    code: 'files.conflict',
    message: /b exists/,
  })
  assert.deepEqual(await readdir(folder), ['a', 'b', 'file'])
})

test('a file that appears while another is being created is not overwritten', async () => {
  hooks[CRASH_HOOK] = (name) => {
    if (name !== 'test.create:before') return
    delete hooks[CRASH_HOOK]
    spawnSync(process.execPath, ['-e', 'fs.writeFileSync(process.argv[1], "one")', path])
  }
  await assert.rejects(createFile(path, TWO, { point: 'test.create' }), { code: 'files.conflict' })
  assert.equal(await content(), 'one')
  assert.deepEqual(await readdir(folder), ['file'])
})

test('before its crash point nothing has changed, after it everything has', async () => {
  const seen: [string, string[]][] = []
  const { readdirSync } = await import('node:fs')
  hooks[CRASH_HOOK] = (name) => seen.push([name, readdirSync(folder)])
  await replaceFile(path, ONE, { point: 'test.replace' })
  await createFile(join(folder, 'once'), ONE, { point: 'test.create' })
  await removeFile(path, { point: 'test.remove' })
  await makeFolder(join(folder, 'sub'), { point: 'test.folder' })
  assert.deepEqual(seen, [
    ['test.replace:before', []],
    ['test.replace:after', ['file']],
    ['test.create:before', ['file']],
    ['test.create:after', ['file', 'once']],
    ['test.remove:before', ['file', 'once']],
    ['test.remove:after', ['once']],
    ['test.folder:before', ['once']],
    ['test.folder:after', ['once', 'sub']],
  ])
})

test('removing what is not there succeeds', async () => {
  await removeFile(path, { point: 'test.remove' })
})

test('folders are made with what is missing above them, and again is success', async () => {
  const deep = join(folder, 'a', 'b', 'c')
  await makeFolder(deep, { point: 'test.folder', mode: 0o700 })
  await makeFolder(deep, { point: 'test.folder' })
  assert.ok((await stat(deep)).isDirectory())
  await rm(join(folder, 'a'), { recursive: true })
  await makeFolder(deep, { point: 'test.folder' })
  assert.ok((await stat(deep)).isDirectory())
})

test('a folder that is not there, or a file in its place, is refused', async () => {
  const absent = replaceFile(join(folder, 'absent', 'file'), ONE, { point: 'test.replace' })
  await assert.rejects(absent, { code: 'files.not-writable' })
  await writeFile(path, 'one')
  await assert.rejects(replaceFile(join(path, 'file'), ONE, { point: 'test.replace' }), { code: 'files.not-writable' })
  await mkdir(join(folder, 'sub'))
  await assert.rejects(replaceFile(join(folder, 'sub'), ONE, { point: 'test.replace' }), { code: 'files.not-writable' })
  assert.deepEqual((await readdir(folder)).sort(), ['file', 'sub'])
})

test('a folder that may not be written is refused', posixOnly, async () => {
  await chmod(folder, 0o555)
  // Modes do not hold root back, so root becomes nobody for a moment.
  const isRoot = process.getuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  try {
    await assert.rejects(replaceFile(path, ONE, { point: 'test.replace' }), { code: 'files.not-writable' })
  } finally {
    if (isRoot) process.seteuid?.(0)
    await chmod(folder, 0o700)
  }
})

/** Runs a program in which the named calls of `node:fs` fail as the disk would make them fail. */
function withFailing(call: string, errno: string, work: string): { printed: string; files: Promise<string[]> } {
  const program = `
    const fs = require('node:fs')
    const { syncBuiltinESMExports } = require('node:module')
    const real = fs.${call}
    globalThis.failing = (condition) => {
      fs.${call} = (...args) => {
        if (!condition(...args)) return real(...args)
        throw Object.assign(new Error('${errno}: simulated'), { code: '${errno}', syscall: '${call}' })
      }
      syncBuiltinESMExports()
    }
    const isFolder = (fd) => fs.fstatSync(fd).isDirectory()
    import(process.argv[1]).then(async (durable) => {
      ${work}
    }).catch((error) => console.log(error.code))`
  const durable = new URL('./durable.ts', import.meta.url).href
  const run = spawnSync(process.execPath, ['-e', program, durable, path], { encoding: 'utf8' })
  return { printed: run.stdout.trim() || run.stderr, files: readdir(folder) }
}

const REPLACE = `await durable.replaceFile(process.argv[2], new Uint8Array(9), { point: 'test.replace' })`

test('a full disk is said to be full, keeps the old content and leaves no temporary file', async () => {
  await writeFile(path, 'old')
  for (const [call, errno] of [
    ['writeSync', 'ENOSPC'],
    ['fsyncSync', 'ENOSPC'],
    ['openSync', 'EDQUOT'],
    ['renameSync', 'ENOSPC'],
  ] as const) {
    const condition = call === 'openSync' ? '(path) => path.endsWith(".tmp")' : '() => true'
    const { printed, files } = withFailing(call, errno, `failing(${condition}); ${REPLACE}`)
    assert.equal(printed, 'files.no-space', call)
    assert.deepEqual(await files, ['file'], call)
    assert.equal(await content(), 'old', call)
  }
})

test('a file whose fsync fails does not take the place of the old one', async () => {
  await writeFile(path, 'old')
  const { printed, files } = withFailing('fsyncSync', 'EIO', `failing((fd) => !isFolder(fd)); ${REPLACE}`)
  assert.equal(printed, 'files.fsync-failed')
  assert.deepEqual(await files, ['file'])
  assert.equal(await content(), 'old')
})

test('a folder whose fsync fails is reported and not tried again', posixOnly, async () => {
  const counting = `let syncs = 0; failing((fd) => isFolder(fd) && ++syncs > 0)`
  const { printed } = withFailing(
    'fsyncSync',
    'EIO',
    `${counting}; await ${REPLACE.slice(6)}.catch((error) => console.log(error.code, syncs))`,
  )
  assert.equal(printed, 'files.fsync-failed 1')
})

test('a short write is continued', async () => {
  const short = `const whole = new TextEncoder().encode('some more bytes')
    const write = fs.writeSync
    fs.writeSync = (fd, bytes, offset) => write(fd, bytes, offset, 2)
    syncBuiltinESMExports()
    await durable.replaceFile(process.argv[2], whole.subarray(0, 14), { point: 'test.replace' })`
  withFailing('writeSync', 'EIO', short)
  assert.equal(await content(), 'some more byte')
})

test('a retry after an unconfirmed creation syncs before it says yes', posixOnly, async () => {
  await writeFile(path, new Uint8Array(9))
  const creating = REPLACE.replace('replaceFile', 'createFile')
  const { printed } = withFailing('fsyncSync', 'EIO', `failing(() => true); ${creating}`)
  assert.equal(printed, 'files.fsync-failed')
})
