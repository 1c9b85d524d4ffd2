import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { anchorFolder, saveAnchor } from '@countersign/local/anchors/anchorStore.ts'
import { fixtureRepository, fixtureSpec } from '@countersign/local/anchors/repositoryFixture.ts'
import { sha256Hex } from '@countersign/local/anchors/tufMetadata.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { writeTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { endedNumbers, testRevoker, testRevokers } from '@countersign/protocol/decide/revokerFixture.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import { makeTestRoot, TEST_TIME, testDay } from '@countersign/protocol/x509/authorityFixture.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { createTestInstance } from '../../../../tests/vectors/bundle/fixture.ts'
import { type Programs, systemPrograms } from '../enforce/program.ts'
import { dataFolder } from '../state/dataFolder.ts'
import { saveEnrolment } from '../state/enrolment.ts'
import { ServedInstance } from '../state/servedInstanceFixture.ts'
import { saveState } from '../state/stateStore.ts'
import { emptyState, type StoredState } from '../state/storedState.ts'
import { runAgent } from './agent.ts'

const anna = testRevoker('anna', ['certifications'])
const nowhere = 'http://127.0.0.1:1'
const policy = testPolicy()
const open = {
  ...policy,
  logs: { ...policy.logs, revocations: policy.logs.revocations.map((log) => ({ ...log, url: nowhere })) },
}

/** An enrolled device whose instance does not answer. */
async function enrolled(context: TestContext, version = 2) {
  const folder = dataFolder(mkdtempSync(join(tmpdir(), 'countersign-agent-')))
  context.after(() => rmSync(folder.path, { recursive: true, force: true }))
  mkdirSync(folder.trust)
  const files = {
    'trusted_root.json': Buffer.from(JSON.stringify(writeTrustedRoot(createTestInstance().trustedRoot))),
    'verification_policy.json': Buffer.from(JSON.stringify(open)),
  }
  const repository = fixtureRepository({ ...fixtureSpec(new Date(), { files }), version })
  const rootSha256 = sha256Hex(repository.roots[0] as Uint8Array)
  const facts = { url: 'https://127.0.0.1:1', httpUrl: nowhere, environment: 'production', rootSha256 } as const
  const at = new Date().toISOString()
  await saveAnchor({ v: 1, ...facts, addedAt: at, repository }, folder.trust)
  await saveEnrolment(folder, { v: 1, name: 'front', url: facts.url, rootSha256, enrolledAt: at })
  await saveState(folder, emptyState(new Date(0), false))
  return { folder, anchorFile: join(anchorFolder(rootSha256, folder.trust), 'anchor.json') }
}

/** Runs the agent until it is ready or gives up. */
async function start(folder: ReturnType<typeof dataFolder>, programs?: Programs): Promise<string[]> {
  const stop = new AbortController()
  const printed: string[] = []
  const print = (line: string) => {
    printed.push(line)
    if (line.startsWith('ready')) stop.abort()
  }
  const { signal } = stop
  await runAgent({
    folder,
    clock: systemClock,
    signal,
    pollMs: 1000,
    once: false,
    print,
    ...(programs && { programs }),
  })
  return printed
}

test('an agent is ready without its instance, and ends when it is asked to', async (context) => {
  const { folder } = await enrolled(context)
  assert.deepEqual(await start(folder), ['ready front at https://127.0.0.1:1'])
})

test('anchors.tampered: edited anchors are refused at the next start', async (context) => {
  const { folder, anchorFile } = await enrolled(context)
  const anchor = JSON.parse(readFileSync(anchorFile, 'utf8'))
  const edited = Buffer.from(JSON.stringify({ ...open, maxOffline: '0' })).toString('base64')
  anchor.repository.files['verification_policy.json'] = edited
  writeFileSync(anchorFile, JSON.stringify(anchor))
  await assert.rejects(start(folder), (error) => hasCode(error, 'anchors.tampered'))
})

test('what ran before an agent that has no trust any more is ended', async (context) => {
  const { folder, anchorFile } = await enrolled(context)
  const running = { sha256: 'a'.repeat(64), pid: 4711, startedAt: new Date(0).toISOString(), port: 8080 }
  await saveState(folder, { ...emptyState(new Date(0), false), running })
  writeFileSync(anchorFile, '{}')
  const ended: number[] = []
  const programs = {
    ...systemPrograms(systemClock),
    endRemains: async ({ pid }: { pid: number }) => void ended.push(pid),
  }
  await assert.rejects(start(folder, programs))
  assert.deepEqual(ended, [4711])
})

test('state.went-back: older anchors than this device has acted on, however well signed', async (context) => {
  const { folder } = await enrolled(context)
  await saveState(folder, { ...emptyState(new Date(0), false), tuf: { root: 1, targets: 3, timestamp: 3 } })
  await assert.rejects(start(folder), (error) => hasCode(error, 'state.went-back'))
})

test('a feed that knows less than was acknowledged was lost: nothing starts before a fresh checkpoint', async (context) => {
  const { folder } = await enrolled(context)
  await saveState(folder, { ...emptyState(new Date(0), false), acknowledged: '5' })
  await start(folder)
  assert.equal(JSON.parse(readFileSync(folder.state, 'utf8')).needsFreshCheckpoint, true)
})

/** A device of an instance that answers, with a log of two records, and what it has stored; both ended with the test. */
async function served(context: TestContext) {
  const folder = dataFolder(mkdtempSync(join(tmpdir(), 'countersign-agent-')))
  const instance = await ServedInstance.start({ revokers: testRevokers([anna]) })
  const stop = new AbortController()
  let running: Promise<void> | undefined
  context.after(async () => {
    stop.abort()
    await running
    instance.stop()
    rmSync(folder.path, { recursive: true, force: true })
  })
  mkdirSync(folder.trust)
  await instance.trustBelow(folder.trust)
  const { url, rootSha256 } = instance
  await saveEnrolment(folder, { v: 1, name: 'front', url, rootSha256, enrolledAt: TEST_TIME.toISOString() })
  const { certificate, key } = makeTestRoot('front')
  writeFileSync(folder.certificate, toPem(certificate.raw))
  writeFileSync(folder.key, key.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  for (const number of [8n, 9n]) instance.revoke(endedNumbers([number]), anna)
  const state = (): StoredState => JSON.parse(readFileSync(folder.state, 'utf8'))
  const run = () => {
    const options = { folder, clock: instance.clock, pollMs: 30, once: false, print: () => {} }
    // It cannot report, because this instance knows no devices; that is noted, and everything else goes on.
    running = runAgent({ ...options, signal: stop.signal })
  }
  return { folder, instance, state, run }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let left = 500; !holds(); left--) {
    assert.ok(left > 0, `waited in vain until ${what}`)
    await systemClock.sleep(20)
  }
}

test('after a loss of state a checkpoint that somebody replays does not count, a fresh one does', async (context) => {
  const { folder, instance, state, run } = await served(context)
  instance.publish(testDay(-2))
  run()
  // What is acknowledged and what it let happen are written down together.
  await until('the replayed checkpoint is acknowledged', () => existsSync(folder.state) && state().acknowledged === '2')
  assert.equal(state().needsFreshCheckpoint, true)
  instance.publish()
  await until('a fresh one lets things start', () => !state().needsFreshCheckpoint)
})

test('after a loss of news a log that is smaller than what was acknowledged does not count', async (context) => {
  const { folder, instance, state, run } = await served(context)
  await saveState(folder, { ...emptyState(TEST_TIME, false), acknowledged: '2' })
  instance.publish(instance.clock.now(), 1)
  run()
  await until('it was polled again and again', () => instance.feedRequests > 12)
  assert.deepEqual([state().needsFreshCheckpoint, state().acknowledged], [true, '2'])
  instance.publish()
  await until('the whole log lets things start', () => !state().needsFreshCheckpoint)
})

test('state.not-enrolled and files.locked: no device, and a device that runs already', async (context) => {
  const { folder } = await enrolled(context)
  await assert.rejects(start(dataFolder(join(folder.path, 'other'))), (error) => hasCode(error, 'state.not-enrolled'))
  const stop = new AbortController()
  let ready = () => {}
  const isReady = new Promise<void>((resolve) => {
    ready = resolve
  })
  const print = (line: string) => (line.startsWith('ready') ? ready() : undefined)
  const first = runAgent({ folder, clock: systemClock, signal: stop.signal, pollMs: 1000, once: false, print })
  await isReady
  await assert.rejects(start(folder), (error) => hasCode(error, 'files.locked'))
  stop.abort()
  await first
})
