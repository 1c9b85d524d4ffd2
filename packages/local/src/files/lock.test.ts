import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { lockFolder } from './lock.ts'

const LOCK = new URL('./lock.ts', import.meta.url).href
const TAKE = `import(process.argv[1]).then(async ({ lockFolder }) => {
  globalThis.held = await lockFolder(process.argv[2])
  console.log('held')
  if (process.argv[3]) setInterval(() => {}, 1000)
}).catch((error) => console.log(error.code))`

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-lock-'))
})

afterEach(() => rm(folder, { recursive: true }))

function tryFromAnotherProcess(): string {
  return spawnSync(process.execPath, ['-e', TAKE, LOCK, folder], { encoding: 'utf8' }).stdout.trim()
}

test('a second process is refused until the first lets go', async () => {
  const lock = await lockFolder(folder)
  assert.equal(tryFromAnotherProcess(), 'files.locked')
  lock.release()
  lock.release()
  assert.equal(tryFromAnotherProcess(), 'held')
})

test('the same process cannot take it twice', async () => {
  const lock = await lockFolder(folder)
  await assert.rejects(lockFolder(folder), { code: 'files.locked' })
  lock.release()
  const again = await lockFolder(folder)
  again.release()
})

test('the lock of a killed process is free', async () => {
  const holder = spawn(process.execPath, ['-e', TAKE, LOCK, folder, 'stay'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(holder.stdout, 'data')
  await assert.rejects(lockFolder(folder), { code: 'files.locked' })
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  const lock = await lockFolder(folder)
  lock.release()
})

test('a folder that is not there cannot be locked', async () => {
  await assert.rejects(lockFolder(join(folder, 'absent')), { code: 'files.not-writable' })
})
