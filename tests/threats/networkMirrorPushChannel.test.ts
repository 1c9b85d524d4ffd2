/**
 * Stolen: the network, the mirror that serves plain files, the channel that pushes (design 8). The thief delays until
 * `maxOffline`, and cannot make a device run anything, make it stop anything, or hide from the server that it hears nothing.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fixtureRepository, fixtureSpec } from '@countersign/local/anchors/repositoryFixture.ts'
import { call } from '@countersign/local/calls/call.ts'
import { eventText, TestLog, testSigner } from '@countersign/local/feed/logFixture.ts'
import { listDevicesRoute } from '@countersign/protocol/api/devices.ts'
import { addRevocationRoute } from '@countersign/protocol/api/revocations.ts'
import { writeReleaseTarget } from '@countersign/protocol/release/releaseTarget.ts'
import { type Device, isAlive } from '../journeys/demo/device.ts'
import { endsNumbers, ownSigner, signedRecord } from './forge.ts'
import { type CertifiedProduct, openScene, type Scene, saidBy, until } from './scene.ts'
import { stolenValidator } from './stolenKeys.ts'

/** More than the server's 15 seconds between heartbeats, so that only silence is late. */
const MAX_STALENESS_S = 30
const MAX_OFFLINE_S = 40
const SLACK_S = 10
const WAIT_MS = 45_000

describe('the thief of network, mirror and push channel', () => {
  let scene: Scene
  let first: CertifiedProduct
  let second: CertifiedProduct
  let front: Device
  let pid: number

  before(async () => {
    scene = await openScene()
    first = await scene.certify({ version: '1.0.0' })
    await scene.changePolicy({
      ...{ maxStaleness: `${MAX_STALENESS_S}s`, maxOffline: `${MAX_OFFLINE_S}s` },
      silence: { bound: '15s' },
    })
    await scene.instance.admin('groups', 'assign', 'shop', 'files')
    await scene.release(first)
    front = await scene.device('front')
    pid = await front.runs('1.0.0')
  })
  after(() => scene?.close())

  const said = (words: RegExp) =>
    until(
      () => `${words} in:\n${saidBy(front)}`,
      WAIT_MS,
      () => words.test(saidBy(front)),
    )
  const listed = async () => {
    const { devices } = await call({ socketPath: `${scene.dataFolder}/admin.sock` }, listDevicesRoute, {})
    return devices[0] ?? assert.fail('no device is listed')
  }
  const stillRuns = async () => assert.equal(await front.runs('1.0.0'), pid)

  it('cannot make a device run: other trust metadata than that of the pinned root is refused', async () => {
    const better = await scene.sign({ version: '6.6.6' })
    const release = writeReleaseTarget({
      ...{ product: 'files', channel: 'stable', counter: 66, version: '6.6.6' },
      artifacts: [{ sha256: better.sha256, sizeBytes: 1, signature: '00'.repeat(32), certifications: [] }],
    })
    const others = { 'releases/files/stable/66.json': release }
    const forged = fixtureRepository(fixtureSpec(new Date(), { version: 1000, others }))
    scene.network.lie((path) => {
      if (path === '/tuf/2.root.json') return forged.roots[0]
      if (path === '/tuf/timestamp.json') return forged.timestamp
      if (path === '/tuf/1000.snapshot.json') return forged.snapshot
      if (path === '/tuf/1000.targets.json') return forged.targets
      return undefined
    })
    await said(/trustNotRenewed .*\(anchors\.tampered\)/)
    scene.network.lie()
    await stillRuns()
  })

  it('cannot make a device run: changed files of a new release are not taken', async () => {
    second = await scene.certify({ version: '1.0.1' })
    scene.network.lie((path) => (path.includes('/targets/releases/') ? Buffer.from('{"v":1}') : undefined))
    await scene.release(second)
    await said(/notInstalled .*\(anchors\.tampered\)/)
    await stillRuns()
    scene.network.lie()
    pid = await front.runs('1.0.1')
  })

  it('cannot stand in for the server: its TLS certificate is not of the device root', async () => {
    scene.network.impersonate()
    await said(/notReported .*\(calls\.untrusted-server\)/)
    scene.network.mend()
    assert.equal(await front.runs('1.0.1'), pid)
  })

  it('cannot make a device stop: what is pushed counts only as far as it is signed', async () => {
    const { policy } = await scene.anchors()
    const origin = policy.logs.revocations[0]?.origin ?? assert.fail('no revocation log')
    const leaf = await signedRecord(endsNumbers(first.authority, 1n, 2n, 3n, 4n), ownSigner())
    const forged = new TestLog(origin)
    forged.entries.push(leaf)
    const checkpoint = forged.checkpoint(testSigner('witness', 0x04), new Date())
    await until('the device listens', WAIT_MS, () => scene.network.listeners() > 0)
    scene.network.push(eventText({ checkpoint, from: 0, entries: [Buffer.from(leaf).toString('base64')] }))
    await said(/feed push ignored.*\(feed\.push-wrong\)/)
    scene.network.push(`event: checkpoint\ndata: ${'x'.repeat(100)}\n\n`)
    scene.network.lie((path) => (path.endsWith('/revocations/checkpoint') ? Buffer.from(checkpoint) : undefined))
    await said(/feed .*\(log\.note-unsigned\)/)
    scene.network.lie()
    assert.equal(await front.runs('1.0.1'), pid)
  })

  it('can delay, but neither hide that from the server nor go on with it beyond maxOffline', async () => {
    const { revoker, target } = await stolenValidator(scene)
    const { authority, number } = second
    scene.network.freeze()
    const frozenAt = performance.now()
    const record = await signedRecord(endsNumbers(authority, number), revoker)
    const body = { envelope: new TextDecoder().decode(record), knownExploited: false, malware: false }
    const byAnotherWay = { ...target, url: scene.network.innerUrl }
    assert.equal((await call(byAnotherWay, addRevocationRoute, { body })).state, 'logged')

    await until('the server misses the device', WAIT_MS, async () => {
      return (await listed()).attention.some(({ code }) => code === 'fleet.silent')
    })
    assert.ok(isAlive(pid), 'the thief can delay')
    await until('the device stops by itself', MAX_OFFLINE_S * 1000, () => !isAlive(pid))
    assert.ok(performance.now() - frozenAt < (MAX_OFFLINE_S + SLACK_S) * 1000)
    await said(/^offline .*\(decide\.stale\)$/m)

    scene.network.mend()
    await front.runs('1.0.0')
    await until('the server has heard all of it', WAIT_MS, async () => {
      const { attention, report } = await listed()
      return attention.length === 0 && report?.acknowledged === '1'
    })
  })
})
