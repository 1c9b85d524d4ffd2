import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { testRevoker, testRevokers } from '@countersign/protocol/decide/revokerFixture.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { TEST_TIME } from '@countersign/protocol/x509/authorityFixture.ts'
import { certifyTestArtifact } from '../../../../tests/vectors/bundle/certification.ts'
import { processFacts } from '../enforce/processFacts.ts'
import { testArchive } from '../releases/tarFixture.ts'
import { ServedInstance } from '../state/servedInstanceFixture.ts'
import { type RunJob, runArtifact } from './run.ts'

const [anna, bert] = [testRevoker('anna', ['certifications']), testRevoker('bert', ['certifications'])]
/** What a program tells of itself before it goes on, in the file that its first argument names. */
const TELL = `require('node:fs').writeFileSync(process.argv[2],
  JSON.stringify({ pid: process.pid, uid: process.getuid?.(), cwd: process.cwd(), more: process.argv.slice(3) }));`
/** Not for ever: where nothing stops it, the test shall fail and not wait. */
const STAY = 'setTimeout(() => {}, 20_000)'

interface Told {
  readonly pid: number
  /** Absent on Windows. */
  readonly uid?: number
  readonly cwd: string
  readonly more: readonly string[]
}

/** A machine that trusts one instance, and a signed and certified program on it. */
async function scene(context: TestContext, code: string, policy: Partial<VerificationPolicy> = {}) {
  const root = mkdtempSync(join(tmpdir(), 'countersign-run-test-'))
  context.after(() => rmSync(root, { recursive: true, force: true }))
  // The program writes as another user where these tests run as root.
  const [config, told] = [join(root, 'config'), join(root, 'told')]
  mkdirSync(told)
  for (const [path, mode] of [
    [root, 0o755],
    [told, 0o777],
  ] as const) {
    chmodSync(path, mode)
  }
  // A minute passes in 0.3 seconds, so that anchors are renewed and the feed is polled while a test runs.
  const instance = await ServedInstance.start({ revokers: testRevokers([anna]), ...policy }, 200)
  context.after(() => instance.stop())
  await instance.trustBelow(config)
  const manifest = { v: 1, product: 'files', version: '1.0.0', start: ['node', 'main.js'], firstParty: ['main.js'] }
  const bytes = testArchive([
    { name: 'countersign.json', content: JSON.stringify({ ...manifest, stopTimeoutMs: 500 }) },
    { name: 'main.js', content: `${TELL}\n${code}\n` },
  ])
  const made = certifyTestArtifact(instance.crypto, { artifact: bytes, number: 7n, claims: { version: '1.0.0' } })
  const artifact = join(root, 'files.tar.gz')
  const [bundle, certification] = [`${artifact}.sigstore.json`, `${artifact}.certification.sigstore.json`]
  writeFileSync(artifact, bytes)
  writeFileSync(bundle, made.signature)
  writeFileSync(certification, made.certification)
  const facts = join(told, 'facts.json')
  const notes: string[] = []
  const run = async (changes: Partial<RunJob> = {}) =>
    runArtifact({
      artifact,
      certifications: [certification],
      anchors: await openAnchors(undefined, config),
      config,
      args: [facts, '--verbose'],
      clock: instance.clock,
      signal: new AbortController().signal,
      note: (text) => notes.push(text),
      ...changes,
    })
  /** What the program told, once it runs. */
  const running = async (): Promise<Told> => {
    for (let left = 500; left > 0; left--) {
      const text = existsSync(facts) ? readFileSync(facts, 'utf8') : ''
      if (text.endsWith('}')) return JSON.parse(text)
      await systemClock.sleep(20)
    }
    return assert.fail(`it does not run: ${notes.join('; ')}`)
  }
  const end = (by: typeof anna) =>
    instance.revoke(
      {
        scope: 'certifications',
        effect: 'ended',
        authority: instance.crypto.certifications.certificate.keyId,
        numbers: [7n],
        reason: 'follow-redirects before 1.15.4',
        issuedAt: TEST_TIME,
      },
      by,
    )
  return { instance, run, running, end, facts, notes, certification }
}

function isGone({ pid, cwd }: Told): boolean {
  const facts = processFacts(pid)
  return (facts === undefined || facts.isZombie) && !existsSync(dirname(cwd))
}

test('a certified program runs in a folder of its own, with its arguments, and its exit code is the answer', async (context) => {
  const { run, running } = await scene(context, 'process.exitCode = 7')
  assert.equal(await run(), 7)
  const told = await running()
  assert.deepEqual(told.more, ['--verbose'])
  assert.ok(isGone(told), 'its folder is removed')
})

test('a program that a signal ends: 128 and the number of the signal, which is passed on', async (context) => {
  const { run, running } = await scene(context, STAY)
  const ended = run()
  const told = await running()
  process.kill(process.pid, 'SIGTERM')
  assert.equal(await ended, 128 + 15)
  assert.ok(isGone(told))
})

test('where this is root the program is not, unless it is asked for', async (context) => {
  const own = process.getuid?.()
  const { run, running, facts } = await scene(context, '')
  assert.equal(await run(), 0)
  assert.equal((await running()).uid, own === 0 ? 65_534 : own)
  if (own !== 0) return
  rmSync(facts)
  assert.equal(await run({ user: '0:0' }), 0)
  assert.equal((await running()).uid, 0)
})

test('enforce.refused: what nobody certified does not run', async (context) => {
  const { run, facts } = await scene(context, STAY)
  await assert.rejects(run({ certifications: [] }), (error) => hasCode(error, 'enforce.refused'))
  assert.equal(existsSync(facts), false)
})

test('enforce.cannot-tell: without news nothing runs', async (context) => {
  const { instance, run, facts } = await scene(context, STAY)
  instance.stop()
  await assert.rejects(run(), (error) => hasCode(error, 'enforce.cannot-tell'))
  assert.equal(existsSync(facts), false)
})

test('run.recalled: its certification ends while it runs, and process and folder are gone', async (context) => {
  const { run, running, end } = await scene(context, STAY)
  const ended = run()
  const told = await running()
  end(anna)
  await assert.rejects(ended, (error) => hasCode(error, 'run.recalled'))
  assert.ok(isGone(told))
})

test('run.recalled: by a revoker whom the policy names only since it runs', async (context) => {
  const { instance, run, running, end } = await scene(context, STAY)
  const ended = run()
  const told = await running()
  end(bert)
  // By the policy of the start this record has no effect, however often the feed is read.
  await systemClock.sleep(500)
  assert.equal(processFacts(told.pid)?.isZombie, false)
  instance.setPolicy({ revokers: testRevokers([anna, bert]) })
  await assert.rejects(ended, (error) => hasCode(error, 'run.recalled'))
  assert.ok(isGone(told))
})

test('run.recalled: a policy that takes the validator out stops what relied on it', async (context) => {
  const { instance, run, running } = await scene(context, STAY)
  const ended = run()
  const told = await running()
  const lab = { name: 'lab', issuer: 'https://lab.example.org', subject: 'https://lab.example.org/lab' }
  instance.setPolicy({ validators: { required: 1, of: [lab] } })
  await assert.rejects(ended, (error) => hasCode(error, 'run.recalled'))
  assert.ok(isGone(told))
})
