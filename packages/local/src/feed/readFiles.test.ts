import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { ReadFiles } from './readFiles.ts'

let folder: string
let reads: string[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-read-'))
  reads = []
})
afterEach(() => rmSync(folder, { recursive: true }))

function reader(files: ReadFiles<string>) {
  return (name: string) =>
    files.get(join(folder, name), async () => {
      reads.push(name)
      return readFileSync(join(folder, name), 'utf8')
    })
}

test('a file is read once, and again when it was changed, even to the same size', async () => {
  const get = reader(new ReadFiles(1000))
  writeFileSync(join(folder, 'a'), 'one')
  assert.deepEqual([await get('a'), await get('a')], ['one', 'one'])
  assert.deepEqual(reads, ['a'])
  writeFileSync(join(folder, 'a'), 'two')
  assert.equal(await get('a'), 'two')
})

test('no file is undefined, also where there was one', async () => {
  const get = reader(new ReadFiles(1000))
  assert.equal(await get('a'), undefined)
  writeFileSync(join(folder, 'a'), 'one')
  assert.equal(await get('a'), 'one')
  rmSync(join(folder, 'a'))
  assert.equal(await get('a'), undefined)
})

test('what was written here is not read back', async () => {
  const files = new ReadFiles<string>(1000)
  writeFileSync(join(folder, 'a'), 'one')
  files.set(join(folder, 'a'), 'one')
  assert.equal(await reader(files)('a'), 'one')
  assert.deepEqual(reads, [])
})

test('the oldest files are forgotten where there are too many bytes', async () => {
  const get = reader(new ReadFiles(5))
  for (const name of ['a', 'b']) writeFileSync(join(folder, name), 'one')
  for (const name of ['a', 'b', 'b', 'a']) await get(name)
  assert.deepEqual(reads, ['a', 'b', 'a'])
})

test('what cannot be read is thrown, and tried again', async () => {
  const files = new ReadFiles<string>(5)
  writeFileSync(join(folder, 'a'), 'one')
  await assert.rejects(
    files.get(join(folder, 'a'), () => Promise.reject(new Error('cut'))),
    /cut/,
  )
  assert.equal(await reader(files)('a'), 'one')
})
