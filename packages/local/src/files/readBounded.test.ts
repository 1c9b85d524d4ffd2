import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { readBounded } from './readBounded.ts'

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-read-'))
  path = join(folder, 'file')
})

afterEach(() => rm(folder, { recursive: true }))

test('a file up to the limit is read whole', async () => {
  const bytes = new Uint8Array(700_000).fill(7)
  await writeFile(path, bytes)
  assert.deepEqual(await readBounded(path, 700_000), bytes)
  await writeFile(path, '')
  assert.deepEqual(await readBounded(path, 0), new Uint8Array())
})

test('one byte more is refused', async () => {
  await writeFile(path, new Uint8Array(11))
  await assert.rejects(readBounded(path, 10), { code: 'files.too-large' })
})

test('a file without an end is refused', { skip: process.platform === 'win32' }, async () => {
  await assert.rejects(readBounded('/dev/zero', 1_000_000), { code: 'files.too-large' })
})

test('no file, a folder, and a file that may not be read are told apart from a large one', async () => {
  await assert.rejects(readBounded(path, 10), { code: 'files.not-found' })
  await assert.rejects(readBounded(folder, 10), { code: 'files.not-readable' })
  if (process.platform === 'win32' || process.getuid?.() === 0) return
  await writeFile(path, 'x')
  await chmod(path, 0)
  await assert.rejects(readBounded(path, 10), { code: 'files.not-readable' })
})
