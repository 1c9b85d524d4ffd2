import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { writeTicket } from '@countersign/protocol/api/ticket.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'

const bin = join(import.meta.dirname, '..', '..', 'bin', 'countersign.js')
let folder: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-main-'))
})
after(() => rmSync(folder, { recursive: true }))

function start(...args: string[]) {
  const child = spawn(process.execPath, [bin, ...args], { env: { ...process.env, XDG_CONFIG_HOME: folder } })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  child.stdin.end()
  return { child, ended: once(child, 'close').then(([exit]) => ({ exit, stdout, stderr })) }
}
const run = (...args: string[]) => start(...args).ended

test('help for someone who has never seen it: first steps, exit codes, examples', async () => {
  const { exit, stdout } = await run('--help')
  assert.equal(exit, 0)
  for (const text of ['First steps', 'trust add <ticket>', '2 unavailable or cannot tell'])
    assert.ok(stdout.includes(text))
  const verify = await run('verify', '--help')
  assert.match(verify.stdout, /Examples:\n {2}countersign verify pump/)
})

test('64: misuse, in words and as JSON', async () => {
  const words = await run('nonsense')
  assert.deepEqual([words.exit, words.stdout], [64, ''])
  assert.match(words.stderr, /unknown command 'nonsense'/)
  const json = await run('sign', '--wrong', '--json')
  assert.equal(json.exit, 64)
  assert.equal(JSON.parse(json.stdout).error.code, 'cli.usage')
})

test('1: a refusal names its code and says what to do, in words and as JSON', async () => {
  const words = await run('verify', 'x')
  assert.equal(words.exit, 1)
  assert.match(words.stderr, /anchors\.none[\s\S]*countersign trust add/)
  const { error } = JSON.parse((await run('trust', 'add', 'x', '--json')).stdout)
  assert.equal(error.code, 'ticket.malformed')
  assert.match(error.whatToDo, /Copy the line/)
})

test('2: cannot tell, by a policy of a newer version', async () => {
  const file = join(folder, 'newer.json')
  writeFileSync(file, '{"v":2}')
  assert.equal((await run('policy', 'check', file)).exit, 2)
})

test('0: a policy is checked and explained', async () => {
  const file = join(folder, 'policy.json')
  writeFileSync(file, JSON.stringify(testPolicy()))
  assert.deepEqual(JSON.parse((await run('policy', 'check', file, '--json')).stdout).valid, true)
  assert.match((await run('policy', 'explain', file)).stdout, /No certification is asked for/)
})

test('Ctrl-C ends a wait cleanly', async () => {
  const server = createServer(() => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const httpUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const expires = new Date(Math.ceil(Date.now() / 1000) * 1000 + 60_000)
  const ticket = writeTicket({
    url: 'https://localhost',
    httpUrl,
    environment: 'development',
    rootSha256: '00'.repeat(32),
    expires,
  })
  const { child, ended } = start('trust', 'add', ticket, '--json')
  await once(server, 'request')
  child.kill('SIGINT')
  const { exit, stdout } = await ended
  server.closeAllConnections()
  server.close()
  assert.equal(exit, 2)
  assert.equal(JSON.parse(stdout).error.code, 'cli.stopped')
})

test('a reader that has enough is no failure', async () => {
  const { child, ended } = start('--help')
  child.stdout.destroy()
  const { stderr } = await ended
  assert.equal(stderr, '')
})
