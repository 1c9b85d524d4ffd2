import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { findNpm } from './npmClient.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-npm-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A program called npm in a folder of its own, with this text. */
function plant(name: string, text: string): string {
  const place = join(folder, name)
  mkdirSync(place)
  writeFileSync(join(place, 'npm'), text)
  chmodSync(join(place, 'npm'), 0o755)
  return place
}

/** npm's own script, as it lies beside a Node.js in `<folder>/node/bin`. */
function plantBeside(text: string): string {
  const place = join(folder, 'node', 'lib', 'node_modules', 'npm', 'bin')
  mkdirSync(place, { recursive: true })
  writeFileSync(join(place, 'npm-cli.js'), text)
  return join(folder, 'node', 'bin', 'node')
}

const nowhere = () => join(folder, 'nowhere', 'node')
const ask = (places: { execPath: string; path: string }, timeoutMs = 20_000) =>
  findNpm(places).run(['one', 'two words'], { cwd: folder, timeoutMs })

test('inspector.npm-failed: there is none', () => {
  const path = [join(folder, 'absent'), '', folder].join(delimiter)
  assert.throws(() => findNpm({ execPath: nowhere(), path }), { code: 'inspector.npm-failed' })
})

test('the npm beside Node.js comes before those on the path, and of these the first', async () => {
  const path = [
    plant('first', '#!/bin/sh\necho first "$#" "$2"\nexit 3\n'),
    plant('second', '#!/bin/sh\necho second\n'),
  ].join(delimiter)
  assert.deepEqual(await ask({ execPath: nowhere(), path }), { status: 3, stdout: 'first 2 two words\n', stderr: '' })
  const execPath = plantBeside('console.error(process.argv.length, process.cwd())')
  const { status, stderr } = await ask({ execPath, path })
  assert.deepEqual([status, stderr.split(' ')[0]], [0, '4'])
})

test('inspector.npm-failed: it takes too long and is ended, or says too much', async () => {
  const slow = plant('slow', '#!/bin/sh\nexec sleep 60\n')
  const began = performance.now()
  await assert.rejects(ask({ execPath: nowhere(), path: slow }, 200), { code: 'inspector.npm-failed' })
  assert.ok(performance.now() - began < 10_000)
  const loud = plant('loud', '#!/bin/sh\nexec yes\n')
  await assert.rejects(ask({ execPath: nowhere(), path: loud }), { code: 'inspector.npm-failed' })
})

test('inspector.npm-failed: it cannot be started', async () => {
  const place = plant('broken', 'neither script nor program')
  chmodSync(join(place, 'npm'), 0o644)
  await assert.rejects(ask({ execPath: nowhere(), path: place }), { code: 'inspector.npm-failed' })
})
