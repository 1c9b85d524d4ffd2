import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { configFolder } from '@countersign/local/files/appDirs.ts'
import { createTestInstance } from '../../../../tests/vectors/bundle/fixture.ts'
import { recordingTerminal } from '../output/terminalFixture.ts'
import { fileToken } from './identityTokens.ts'
import { whoami } from './login.ts'
import { loadSession, removeSession, saveSession } from './sessionFile.ts'
import { type SignOptions, sign } from './sign.ts'
import { TestMachine } from './verifyFixture.ts'

const root = '11'.repeat(32)
const session = {
  v: 1,
  issuer: 'https://sign.example.com/oidc',
  email: 'anna@example.org',
  signedInAt: '2026-04-01T10:00:00.000Z',
  refreshToken: 'very-secret',
}
let folder: string
let file: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-sign-'))
  process.env.XDG_CONFIG_HOME = folder
  file = join(folder, 'artifact')
  writeFileSync(file, 'x')
})
after(() => rmSync(folder, { recursive: true }))
beforeEach(async () => {
  const machine = new TestMachine(configFolder())
  await machine.trust(createTestInstance(), machine.policy('https://sign.example.com/oidc'))
})

const run = (names: string[], options: SignOptions = {}) => sign(names, options, recordingTerminal())

const misuse: readonly (readonly [string, string[], SignOptions])[] = [
  ['nothing to sign', [], {}],
  ['a file and a digest', ['a'], { digest: `sha256:${'00'.repeat(32)}`, bundle: 'b' }],
  ['a digest without a place for its bundle', [], { digest: `sha256:${'00'.repeat(32)}` }],
  ['half a digest', [], { digest: 'sha256:00', bundle: 'b' }],
  ['standard input without a place for its bundle', ['-'], {}],
  ['standard input beside files', ['-', 'a'], {}],
  ['one bundle for two files', ['a', 'b'], { bundle: 'c' }],
]
for (const [what, names, options] of misuse) {
  test(`cli.usage: ${what}`, async () => {
    await assert.rejects(run(names, { yes: true, ...options }), { code: 'cli.usage' })
  })
}

test('cli.not-confirmed: before the first signature it says what becomes public, and stops without an answer', async () => {
  const terminal = recordingTerminal()
  await assert.rejects(sign([file], {}, terminal), { code: 'cli.not-confirmed' })
  assert.ok(terminal.notes.some((note) => note.includes('e-mail address')))
  assert.equal(existsSync(`${file}.sigstore.json`), false)
})

test('cli.not-signed-in: nobody is signed in; what becomes public is said once per machine and instance', async () => {
  await assert.rejects(run([file], { yes: true }), { code: 'cli.not-signed-in' })
  const terminal = recordingTerminal()
  await assert.rejects(sign([file], {}, terminal), { code: 'cli.not-signed-in' })
  assert.deepEqual(terminal.notes, [])
  await assert.rejects(whoami({}, terminal), { code: 'cli.not-signed-in' })
})

test('a sign-in is kept for this person only, and a damaged one is as good as none', async () => {
  await saveSession(root, session)
  assert.deepEqual(await loadSession(root), session)
  const path = join(configFolder(), 'sessions', `${root}.json`)
  if (process.platform !== 'win32') assert.equal(statSync(path).mode & 0o777, 0o600)
  writeFileSync(path, JSON.stringify({ ...session, v: 9 }))
  await assert.rejects(loadSession(root), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'cli.not-signed-in')
    return !`${error.stack}`.includes('very-secret')
  })
  await removeSession(root)
  assert.equal(existsSync(path), false)
})

test('the token of a build job proves possession over its e-mail address, else its subject', async () => {
  const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
  const path = join(folder, 'token')
  writeFileSync(path, `${jwt({ sub: 's', email: 'anna@example.org' })}\n`)
  assert.equal((await (await fileToken(path)).current()).challenge, 'anna@example.org')
  writeFileSync(path, jwt({ sub: 'repo:acme/pump' }))
  assert.equal((await (await fileToken(path)).current()).challenge, 'repo:acme/pump')
  for (const text of ['hello', jwt({}), 'x'.repeat(10)]) {
    writeFileSync(path, text)
    await assert.rejects(fileToken(path), { code: 'cli.usage' })
  }
  writeFileSync(path, 'x'.repeat(1_000_000))
  await assert.rejects(fileToken(path), { code: 'files.too-large' })
})
