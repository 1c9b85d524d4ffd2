/**
 * A newcomer follows docs/getting-started.md from the first block to the last. Each block is given to a shell as it stands;
 * what the guide asks of a browser is done by plain form posts. Only the two ports are other ones, since those of the guide
 * may be taken on this machine.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { expectRun } from '../support/expectRun.ts'
import { freePort } from '../support/freePort.ts'
import { runWithDeviceFlow } from '../support/logIn.ts'
import { type Machine, newMachine } from '../support/machine.ts'
import { PageVisitor } from '../support/pageVisitor.ts'
import { redeemInvitation } from '../support/people.ts'
import { countersign, countersignServer } from '../support/programs.ts'
import { mustRun, type RunResult, runProgram } from '../support/runProgram.ts'

const root = path.resolve(import.meta.dirname, '..', '..')
const guide = path.join(root, 'docs', 'getting-started.md')

/** What the guide tells to type, in its order. */
interface Block {
  readonly section: string
  readonly text: string
}

function readBlocks(markdown: string): Block[] {
  const sections = markdown.split(/^## /m).slice(1)
  return sections.flatMap((section) =>
    [...section.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language, text = '']) => {
      assert.equal(language, 'sh', `another kind of block: ${text}`)
      return { section: section.split('\n', 1)[0] ?? '', text }
    }),
  )
}

const blocks = readBlocks(readFileSync(guide, 'utf8'))
const skip = process.platform === 'win32' && 'the guide is written for a POSIX shell'

let folder: string
let reader: Machine
let env: Record<string, string>
let browser: PageVisitor
let server: ChildProcess | undefined
let serverOutput = ''

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-guide-'))
  reader = newMachine(folder)
  const programs = path.join(folder, 'programs')
  mkdirSync(programs)
  writeShim(path.join(programs, 'countersign'), countersign, '')
  const ports = `[ "$1" = serve ] && set -- "$@" --port ${await freePort()} --http-port ${await freePort()}`
  writeShim(path.join(programs, 'countersign-server'), countersignServer, ports)
  env = { ...reader.env, PATH: programs + path.delimiter + (process.env.PATH ?? '') }
})

after(async () => {
  await pressCtrlC()
  rmSync(folder, { recursive: true, force: true })
})

/** A program of this checkout under the name by which the guide calls it. */
function writeShim(file: string, command: readonly string[], first: string): void {
  writeFileSync(file, `#!/bin/sh\n${first}\nexec ${command.map((part) => `'${part}'`).join(' ')} "$@"\n`)
  chmodSync(file, 0o755)
}

/** The next block, which must stand in this section. */
function next(section: string): readonly string[] {
  const block = blocks.shift()
  assert.equal(block?.section, section)
  return ['sh', '-c', block.text]
}

const run = (section: string): Promise<RunResult> => runProgram(next(section), { cwd: reader.folder, env })

/** As a terminal does it: to everything that runs in the foreground. Nothing where nothing runs. */
async function pressCtrlC(): Promise<void> {
  if (server?.pid === undefined || server.exitCode !== null || server.signalCode !== null) return
  const ended = once(server, 'exit')
  process.kill(-server.pid, 'SIGINT')
  await ended
}

test('1. Bring up an instance', { skip }, async () => {
  const [shell = '', ...rest] = next('1. Bring up an instance')
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const child = spawn(shell, rest, { cwd: reader.folder, env: { ...process.env, ...env }, detached: true })
  server = child
  child.on('exit', (status) => reject(new Error(`the server ended with ${status}\n${serverOutput}`)))
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      serverOutput += text
      if (/^ {2}code {3}\S+$/m.test(serverOutput)) resolve()
    })
  }
  await promise
  assert.match(serverOutput, /Countersign is ready: https:\/\/localhost:\d+ \(development\)/)
  assert.match(serverOutput, /First invitation, for me@example\.org, valid once until /)
})

test('2. Trust it', { skip }, async () => {
  expectRun(
    await run('2. Trust it'),
    0,
    /^Trusting https:\/\/localhost:\d+ \(development\)/m,
    /^environment +development$/m,
  )
})

test('3. Sign in', { skip }, async () => {
  browser = new PageVisitor(await reader.deviceRoot())
  const link = /^ {2}open {3}(\S+)$/m.exec(serverOutput)?.[1] ?? ''
  const code = /^ {2}code {3}(\S+)$/m.exec(serverOutput)?.[1] ?? ''
  await redeemInvitation(browser, { link, code })
  const output = await runWithDeviceFlow(next('3. Sign in'), browser, env)
  assert.match(output, /Signed in to https:\S+ as me@example\.org\./)
})

test('4. Sign', { skip }, async () => {
  expectRun(await run('4. Sign'), 0, 'Anyone can read there', 'signed  hello.txt  hello.txt.sigstore.json')
})

test('5. Verify', { skip }, async () => {
  expectRun(await run('5. Verify'), 0, /^yes {2}hello\.txt$/m, 'not certified; this policy does not ask for it')
  expectRun(await run('5. Verify'), 1, /^no {2}changed\.txt$/m, 'bundle.digest-wrong')
})

test('6. Look into the logs', { skip }, async () => {
  const said = [
    /^localhost holds it as entry \d+ of \d+;/m,
    /^passed {2}audit .*all read again/m,
    'Nothing needs attention.',
  ]
  expectRun(await run('6. Look into the logs'), 0, ...said)
})

test('7. Use other people’s programs', { skip }, async () => {
  expectRun(await run("7. Use other people's programs"), 0)
  const files = ['device_root.pem', 'signing_config.v0.2.json', 'trusted_root.json', 'verification_policy.json']
  assert.deepEqual(readdirSync(path.join(reader.folder, 'anchors')).toSorted(), files)

  // sigstore-js, with nothing of ours but the two files.
  const other = [
    process.execPath,
    path.join(root, 'tests', 'interop', 'sigstoreJs.ts'),
    'verify',
    'anchors/trusted_root.json',
  ]
  const issuer = /^ {2}open {3}(https:\/\/[^/]+)/m.exec(serverOutput)?.[1]
  const rest = ['hello.txt.sigstore.json', 'me@example.org', `${issuer}/oidc`]
  await mustRun([...other, 'hello.txt', ...rest], { cwd: reader.folder })
  const refused = await runProgram([...other, 'changed.txt', ...rest], { cwd: reader.folder })
  expectRun(refused, 1, 'refused')
})

test('8. Remove', { skip }, async () => {
  await pressCtrlC()
  expectRun(await run('8. Remove'), 0, 'No longer trusting https://localhost:')
  const left = readdirSync(reader.folder).filter((name) => name.startsWith('instance'))
  assert.deepEqual(left, [])
  assert.equal(existsSync(path.join(reader.folder, 'hello.txt')), true)
})

test('nothing in the guide was left out', { skip }, () => {
  assert.deepEqual(blocks, [])
})
