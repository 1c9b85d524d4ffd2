import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { TEST_TIME, testDay } from '@countersign/protocol/x509/authorityFixture.ts'
import { processFacts } from '../enforce/processFacts.ts'
import { releaseFolder } from '../releases/releaseFolder.ts'
import { TestDevice } from './deviceFixture.ts'

/** A device that runs 1.0.0, then 1.1.0, which is what it runs now. */
async function withTwo(context: TestContext, policy: Partial<VerificationPolicy> = {}) {
  const device = await TestDevice.make(policy)
  context.after(() => device.close())
  const one = await device.install('1.0.0', 1)
  await device.steward.settle()
  const two = await device.install('1.1.0', 2)
  await device.steward.settle()
  assert.equal(device.runs?.version, '1.1.0', device.printed.join('\n'))
  return { device, one, two }
}

const isAlive = (pid: number) => processFacts(pid)?.isZombie === false

async function hasRecalled(device: TestDevice): Promise<void> {
  const { pid } = device.runs ?? assert.fail('nothing runs')
  assert.equal(await device.steward.review(), true)
  assert.equal(isAlive(pid), false, 'the recalled process is gone')
  await device.steward.settle()
}

test('a certified release runs, a newer one takes its place, the same one goes on', async (context) => {
  const { device } = await withTwo(context)
  const { pid } = device.runs ?? assert.fail()
  await device.steward.settle()
  assert.equal(await device.steward.review(), false)
  assert.equal(device.runs?.pid, pid)
})

test('an ended certification stops exactly what relies on it, and the device goes back', async (context) => {
  const { device } = await withTwo(context)
  device.revoke(2n)
  await hasRecalled(device)
  assert.equal(device.runs?.version, '1.0.0')
  assert.deepEqual(device.store.current.highest, [{ product: 'files', channel: 'stable', counter: 2 }])
  assert.deepEqual(device.events.slice(-4), ['revoked decide.certification-ended', 'stopped', 'started', 'wentBack'])
})

test('a revocation of something else leaves the process alone', async (context) => {
  const { device } = await withTwo(context)
  const { pid } = device.runs ?? assert.fail()
  device.revoke(1n, 'ab'.repeat(32))
  assert.equal(await device.steward.review(), false)
  await device.steward.settle()
  assert.equal(device.runs?.pid, pid)
})

test('a blocked digest ends it like an ended number', async (context) => {
  const { device, two } = await withTwo(context)
  device.revoke(two.sha256)
  await hasRecalled(device)
  assert.equal(device.runs?.version, '1.0.0')
})

test('previous release itself ended: nothing runs', async (context) => {
  const { device } = await withTwo(context)
  device.revoke(2n, 1n)
  await hasRecalled(device)
  assert.equal(device.runs, undefined)
})

test('a release that never ran here is nothing to go back to', async (context) => {
  const device = await TestDevice.make()
  context.after(() => device.close())
  await device.install('1.0.0', 1)
  await device.install('1.1.0', 2)
  await device.steward.settle()
  device.revoke(2n)
  await hasRecalled(device)
  assert.equal(device.runs, undefined)
})

test('without a verified revocation no lower version starts: the newer one is broken', async (context) => {
  const { device, two } = await withTwo(context)
  await device.steward.close()
  const serve = `${releaseFolder(device.folder, two.sha256).files}/serve.js`
  chmodSync(serve, 0o644)
  writeFileSync(serve, '1')
  chmodSync(serve, 0o444)
  await device.steward.settle()
  assert.equal(device.runs, undefined)
  assert.ok(device.events.includes('refused enforce.files-changed'))
  assert.ok(device.steward.isBroken(two.sha256))
})

test('releases.disagrees: a manifest that names another version than the certification does not start', async (context) => {
  const { device } = await withTwo(context)
  await device.install('1.2.0', 3, [], '1.3.0')
  await device.steward.settle()
  assert.equal(device.runs?.version, '1.1.0')
  assert.ok(device.events.includes('refused releases.disagrees'))
})

test('a bundle swapped on disk is refused, and no lower version starts', async (context) => {
  const { device, one, two } = await withTwo(context)
  await device.steward.close()
  const [from, to] = [one, two].map(({ sha256 }) => releaseFolder(device.folder, sha256).certification(0))
  writeFileSync(to ?? '', readFileSync(from ?? ''))
  await device.steward.settle()
  assert.equal(device.runs, undefined)
  assert.ok(device.events.includes('refused releases.digest-wrong'))
})

test('of several records that end it the strictest advice counts, whichever comes first', async (context) => {
  const { device } = await withTwo(context)
  device.revokeAdvising([
    [2n, 'goBack'],
    [2n, 'stop'],
  ])
  await hasRecalled(device)
  assert.equal(device.runs, undefined)
})

test('policy: stop only, and inform only', async (context) => {
  const stopping = await withTwo(context, { onRevoked: 'stop' })
  stopping.device.revoke(2n)
  await hasRecalled(stopping.device)
  assert.equal(stopping.device.runs, undefined)
  const informed = await withTwo(context, { onRevoked: 'inform' })
  informed.device.revoke(2n)
  assert.equal(await informed.device.steward.review(), false)
  assert.equal(informed.device.runs?.version, '1.1.0')
  assert.ok(informed.device.events.includes('revoked decide.certification-ended'))
})

const others = { name: 'lab', issuer: 'https://lab.example.org', subject: 'https://lab.example.org/lab' }
const narrowings: readonly (readonly [string, Partial<VerificationPolicy>])[] = [
  ['a validator taken out of the policy', { validators: { required: 1, of: [others] } }],
  [
    'an identity taken out of the policy',
    { identities: [{ issuer: 'https://other.example.org', subject: { any: true } }] },
  ],
]
for (const [what, narrower] of narrowings) {
  test(`${what} stops what relied on it, and no lower version starts`, async (context) => {
    const { device } = await withTwo(context)
    device.setPolicy(narrower)
    await hasRecalled(device)
    assert.equal(device.runs, undefined)
    assert.ok(device.events.some((event) => event.startsWith('refused decide.')))
    assert.ok(!device.events.includes('wentBack'))
  })
}

test('a policy that asks for more validators than have certified stops what runs', async (context) => {
  const { device } = await withTwo(context)
  const { validators } = device.world.anchors.policy
  device.setPolicy({ validators: { required: 2, of: [...validators.of, others] } })
  await hasRecalled(device)
  assert.equal(device.runs, undefined)
})

test('under a policy that only informs, what it no longer lets run goes on, and never starts again', async (context) => {
  const { device } = await withTwo(context, { onRevoked: 'inform' })
  const { pid } = device.runs ?? assert.fail()
  device.setPolicy({ validators: { required: 1, of: [others] } })
  assert.equal(await device.steward.review(), false)
  assert.equal(device.runs?.pid, pid)
  await device.steward.close()
  await device.steward.settle()
  assert.equal(device.runs, undefined)
  assert.ok(device.events.includes('refused enforce.refused'))
})

test('no news and no proven time are never taken for a policy that refuses', async (context) => {
  const { device } = await withTwo(context)
  const { pid } = device.runs ?? assert.fail()
  for (const doubt of [() => device.lastHeard(undefined), () => (device.wallOffsetMs = 34 * 365 * 86_400_000)]) {
    doubt()
    assert.equal(await device.steward.review(), false)
    assert.equal(device.runs?.pid, pid)
  }
  assert.ok(!device.events.some((event) => event.startsWith('refused')), device.events.join())
})

test('without news what runs goes on and may start again, what is new may not, until maxOffline', async (context) => {
  const { device } = await withTwo(context)
  device.lastHeard(testDay(-2))
  assert.equal(await device.steward.review(), false)
  assert.ok(device.events.includes('stale decide.stale'))
  await device.steward.close()
  await device.steward.settle()
  assert.equal(device.runs?.version, '1.1.0')
  await device.install('1.2.0', 3)
  await device.steward.settle()
  assert.equal(device.runs?.version, '1.1.0')
  device.lastHeard(testDay(-31))
  assert.equal(await device.steward.review(), true)
  await device.steward.settle()
  assert.equal(device.runs, undefined)
})

test('after a loss of state nothing starts before a fresh checkpoint', async (context) => {
  const { device } = await withTwo(context)
  await device.steward.close()
  await device.store.change((state) => ({ ...state, needsFreshCheckpoint: true }))
  await device.steward.settle()
  assert.equal(device.runs, undefined)
})

test('a wall clock that is set years ahead stops nothing: only time that is certain counts for that', async (context) => {
  const { device } = await withTwo(context, { onExpired: 'stop' })
  const { pid } = device.runs ?? assert.fail()
  device.wallOffsetMs = 34 * 365 * 86_400_000
  assert.equal(device.time.isProven(), false)
  assert.equal(await device.steward.review(), false)
  assert.equal(device.runs?.pid, pid)
  assert.ok(device.events.some((event) => event.startsWith('stale ')))
})

test('while the time is uncertain nothing new starts', async (context) => {
  const device = await TestDevice.make({}, false)
  context.after(() => device.close())
  await device.install('1.0.0', 1)
  await device.steward.settle()
  assert.deepEqual(device.events, ['refused enforce.cannot-tell'])
  device.time.prove(TEST_TIME)
  await device.steward.settle()
  assert.equal(device.runs?.version, '1.0.0')
})

test('a killed agent finds its program again; one whose release ended meanwhile is stopped', async (context) => {
  const { device } = await withTwo(context)
  const { pid } = device.runs ?? assert.fail()
  await device.restart()
  await device.steward.adopt()
  assert.equal(device.runs?.pid, pid)
  device.revoke(2n)
  await device.restart()
  await device.steward.adopt()
  assert.equal(isAlive(pid), false)
  await device.steward.settle()
  assert.equal(device.runs?.version, '1.0.0')
})

test('a program that ends by itself is started again, after every check', async (context) => {
  const { device } = await withTwo(context)
  const { pid } = device.runs ?? assert.fail()
  process.kill(pid, 'SIGKILL')
  for (let waited = 0; waited < 100 && (device.runs === undefined || device.runs.pid === pid); waited++) {
    await device.clock.sleep(100)
  }
  assert.equal(device.runs?.version, '1.1.0')
  assert.notEqual(device.runs?.pid, pid)
  assert.ok(device.events.includes('ended'))
})
