import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { writeStreamedFile } from './streamFile.ts'

const root = mkdtempSync(join(tmpdir(), 'countersign-stream-'))
after(() => rmSync(root, { recursive: true }))

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(root, 'one-'))
  path = join(folder, 'file')
})

const sha256 = new Uint8Array(createHash('sha256').update('one two').digest())
const options = { point: 'test.stream', sha256, maxBytes: 100 }

async function* pieces(...texts: readonly string[]) {
  for (const text of texts) yield new Uint8Array(Buffer.from(text))
}

test('what arrives in pieces is the file, also over a damaged one', async () => {
  assert.equal(await writeStreamedFile(path, pieces('one', ' ', '', 'two'), options), 7)
  assert.equal(readFileSync(path, 'utf8'), 'one two')
  writeFileSync(path, 'damaged')
  await writeStreamedFile(path, pieces('one two'), options)
  assert.equal(readFileSync(path, 'utf8'), 'one two')
  assert.deepEqual(readdirSync(folder), ['file'])
})

const failing = async function* () {
  yield new Uint8Array(3)
  throw new TypeError('the connection')
}
const failures: readonly (readonly [what: string, pieces: () => AsyncIterable<Uint8Array>, expected: object])[] = [
  ['other bytes', () => pieces('one three'), { code: 'files.digest-wrong' }],
  ['bytes that break off', () => pieces('one'), { code: 'files.digest-wrong' }],
  ['more bytes than the limit', () => pieces('x'.repeat(101)), { code: 'files.too-large' }],
  ['a source that fails', failing, { message: 'the connection' }],
]
for (const [what, make, expected] of failures) {
  test(`${what} leave the old file and nothing else`, async () => {
    writeFileSync(path, 'old')
    await assert.rejects(writeStreamedFile(path, make(), options), expected)
    assert.deepEqual(readdirSync(folder), ['file'])
    assert.equal(readFileSync(path, 'utf8'), 'old')
  })
}

test('files.not-writable: the folder is missing', async () => {
  await assert.rejects(writeStreamedFile(join(folder, 'no', 'file'), pieces('one two'), options), {
    code: 'files.not-writable',
  })
})
