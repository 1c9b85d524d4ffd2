import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { configFolder } from '@countersign/local/files/appDirs.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import type { Check } from '@countersign/protocol/bundle/verifyBundle.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { readIdentity } from '@countersign/protocol/x509/fulcio.ts'
import { createTestInstance, signTestArtifact, TEST_ARTIFACT } from '../../../../tests/vectors/bundle/fixture.ts'
import { recordingTerminal } from '../output/terminalFixture.ts'
import { type VerifyOptions, verify } from './verify.ts'
import { TestMachine } from './verifyFixture.ts'

const instance = createTestInstance()
let folder: string
let artifact: string
let identity: { issuer: string; subject: string }
let machine: TestMachine

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-verify-'))
  process.env.XDG_CONFIG_HOME = folder
  artifact = join(folder, 'artifact')
  machine = new TestMachine(configFolder())
})
after(() => rmSync(folder, { recursive: true }))
beforeEach(async () => {
  const bundle = signTestArtifact(instance)
  identity = readIdentity(parseBundle(bundle).certificate)
  writeFileSync(artifact, TEST_ARTIFACT)
  writeFileSync(`${artifact}.sigstore.json`, bundle)
  await machine.trust(instance, policy())
  await machine.learn(new Date())
})

const policy = (changes: Partial<VerificationPolicy> = {}) => machine.policy(identity.issuer, changes)

async function run(options: VerifyOptions = {}, name = artifact) {
  const terminal = recordingTerminal()
  const exit = await verify(name, { offline: true, ...options }, terminal)
  const result = terminal.results[0] as { answer: string; checks: Check[]; signer?: object; digest?: string }
  const codes = result.checks.flatMap((check) => check.code ?? [])
  return { exit, codes, ...result, lines: terminal.lines }
}

function write(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

test('yes: signed by a trusted identity, with every check listed and the missing certification said', async () => {
  const { exit, answer, signer, checks, lines } = await run()
  assert.deepEqual([exit, answer], [0, 'yes'])
  assert.deepEqual(signer, { subject: identity.subject, issuer: identity.issuer })
  assert.ok(checks.length >= 15)
  assert.ok(lines.some((line) => line.includes('not certified; this policy does not ask for it')))
  assert.equal(lines[0], `yes  ${artifact}`)
})

test('yes: a digest with its bundle', async () => {
  const digest = `sha256:${hash('sha256', TEST_ARTIFACT, 'hex')}`
  assert.equal((await run({ bundle: `${artifact}.sigstore.json` }, digest)).exit, 0)
})

test('no: one byte of the artifact changed; the checks that do not depend on it still ran', async () => {
  writeFileSync(artifact, Buffer.concat([TEST_ARTIFACT, Buffer.from('x')]))
  const { exit, codes, checks } = await run()
  assert.equal(exit, 1)
  assert.deepEqual(codes, ['bundle.digest-wrong', 'bundle.signature-wrong'])
  assert.ok(checks.some(({ name, result }) => name === 'inclusion proof' && result === 'passed'))
})

test('no: a bundle of another instance', async () => {
  writeFileSync(`${artifact}.sigstore.json`, signTestArtifact(createTestInstance()))
  const { exit, codes } = await run()
  assert.equal(exit, 1)
  assert.ok(codes.includes('bundle.log-untrusted'))
})

test('no: a bundle that is none', async () => {
  for (const [text, code] of [
    ['hello', 'json.syntax'],
    ['[]', 'bundle.malformed'],
    ['{"mediaType":"x"}', 'bundle.media-type'],
  ] as const) {
    writeFileSync(`${artifact}.sigstore.json`, text)
    const { exit, codes } = await run()
    assert.deepEqual([exit, codes], [1, [code]])
  }
})

test('no: --identity and --issuer ask for somebody else; yes: for exactly the signer', async () => {
  assert.deepEqual((await run({ identity: 'else@example.org' })).codes, ['cli.other-identity'])
  assert.deepEqual((await run({ issuer: 'https://else.example.org' })).codes, ['cli.other-identity'])
  assert.equal((await run({ identity: identity.subject, issuer: identity.issuer })).exit, 0)
})

test('no: a production policy refuses development anchors', async () => {
  const file = write('production.json', JSON.stringify(policy({ environment: 'production' })))
  const { exit, codes } = await run({ policy: file })
  assert.equal(exit, 1)
  assert.deepEqual(codes, ['decide.development-anchors'])
})

test('no: --policy trusts nobody whom the instance’s own policy trusts', async () => {
  const identities = [{ issuer: identity.issuer, subject: { exact: 'else@example.org' } }]
  const file = write('narrow.json', JSON.stringify(policy({ identities })))
  assert.deepEqual((await run({ policy: file })).codes, ['decide.identity-not-trusted'])
})

test('cannot tell: a policy of a newer version says update', async () => {
  const { exit, answer, codes, lines } = await run({ policy: write('newer.json', '{"v":2}') })
  assert.deepEqual([exit, answer, codes], [2, 'cannot tell', ['policy.version-newer']])
  assert.ok(lines.some((line) => line.includes('update Countersign')))
})

test('policy.unknown-field: a policy with a field that is not known is refused', async () => {
  const file = write('unknown.json', JSON.stringify({ ...policy(), extra: 1 }))
  await assert.rejects(run({ policy: file }), { code: 'policy.unknown-field' })
})

test('cannot tell: nothing known about revocations, or not for long enough', async () => {
  await machine.learn(new Date(Date.now() - 3 * 86_400_000))
  assert.deepEqual((await run()).codes, ['decide.stale'])
  rmSync(join(machine.folder, 'feed'), { recursive: true })
  const { exit, codes } = await run()
  assert.deepEqual([exit, codes], [2, ['decide.endings-unknown']])
})

test('cannot tell: this clock is before a time that witnesses signed', async () => {
  await machine.learn(new Date(Date.now() + 3_600_000))
  const { exit, codes } = await run()
  assert.deepEqual([exit, codes], [2, ['decide.clock-wrong']])
})

test('on-line without an instance to reach: what is stored counts, and a note says so', async () => {
  const terminal = recordingTerminal()
  assert.equal(await verify(artifact, {}, terminal), 0)
  assert.ok(terminal.notes.some((note) => note.startsWith('trust was not renewed')))
  assert.ok(terminal.notes.some((note) => note.startsWith('no news of sign.example.com/development/revocations')))
})

test('files.not-found and cli.usage: what cannot be asked', async () => {
  await assert.rejects(run({}, join(folder, 'absent')), { code: 'files.not-found' })
  await assert.rejects(run({ bundle: join(folder, 'absent') }), { code: 'files.not-found' })
  await assert.rejects(run({}, 'sha256:00'), { code: 'cli.usage' })
  await assert.rejects(run({}, '-'), { code: 'cli.usage' })
})

test('anchors.tampered: changed trust on this machine is refused before anything is decided', async () => {
  const path = join(machine.folder, 'anchor.json')
  const stored = JSON.parse(readFileSync(path, 'utf8'))
  stored.repository.files['trusted_root.json'] = Buffer.from('{}').toString('base64')
  writeFileSync(path, JSON.stringify(stored))
  await assert.rejects(run(), { code: 'anchors.tampered' })
})
