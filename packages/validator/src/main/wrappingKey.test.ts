import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { readWrappingKey } from './wrappingKey.ts'

let folder: string
let data: string

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-key-'))
  data = join(folder, 'lab')
  mkdirSync(data)
})
after(() => rmSync(folder, { recursive: true }))

test('validator.key-file-missing: one that is enrolled already gets no new key', async () => {
  await assert.rejects(readWrappingKey({ data }, false), { code: 'validator.key-file-missing' })
})

test('validator.key-file-inside: it would be copied with what it protects', async () => {
  const keyFile = join(data, 'deeper', 'key')
  await assert.rejects(readWrappingKey({ data, keyFile }, true), { code: 'validator.key-file-inside' })
})

test('a new validator makes its key once, beside the folder', async () => {
  const made = await readWrappingKey({ data }, true)
  assert.deepEqual(await readWrappingKey({ data }, false), made)
  assert.equal(made.length, 32)
})
