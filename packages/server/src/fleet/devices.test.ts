import assert from 'node:assert/strict'
import { createHash, sign } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { call } from '@countersign/local/calls/call.ts'
import { download } from '@countersign/local/calls/transfer.ts'
import { checkInRoute, getDeviceFileRoute } from '@countersign/protocol/api/devices.ts'
import { fromHex } from '@countersign/protocol/json/base64.ts'
import { deviceReportBytes } from '@countersign/protocol/release/deviceReport.ts'
import { parseReleaseTarget } from '@countersign/protocol/release/releaseTarget.ts'
import type { ArtifactStore } from '../artifacts/artifactStore.ts'
import type { ArtifactsTables } from '../artifacts/artifactsTables.ts'
import { validatorsUrl } from '../trust/facts.ts'
import { assign } from './assignments.ts'
import { changeDevice } from './changeDevice.ts'
import { devicesOf, devicesRunning } from './devicesRunning.ts'
import { enrolClient, type FleetClient, type FleetFixture, openFleetFixture } from './fleetFixture.ts'
import { listDevices } from './listDevices.ts'
import { finishReleases, listReleases, publishRelease } from './releases.ts'

const AUTHORITY = 'ab'.repeat(32)
const artifact = new Uint8Array(Buffer.from('files 1.0.0'))
const sha256 = createHash('sha256').update(artifact).digest('hex')

let fixture: FleetFixture
let front: FleetClient
let folder: string

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-devices-'))
  fixture = await openFleetFixture(new Date())
  const { facts } = fixture.fleet
  const entry = { name: 'lab', issuer: validatorsUrl(facts), subject: `${validatorsUrl(facts)}/lab` }
  fixture.policy = { ...fixture.policy, validators: { required: 1, of: [entry] } }
  front = await enrolClient(fixture, 'front')
})
after(async () => {
  await fixture.close()
  rmSync(folder, { recursive: true })
})

function target(client: FleetClient) {
  return { url: fixture.url, trust: { deviceRoot: fixture.deviceRootPem, client } }
}

function report(counter: number, changes: object = {}): string {
  const tuf = { root: 1, targets: 2, timestamp: 3 }
  const at = new Date().toISOString()
  return JSON.stringify({
    counter,
    at,
    agentVersion: '0.1.0',
    acknowledged: '5',
    tuf,
    highest: [],
    events: [],
    ...changes,
  })
}

function checkIn(client: FleetClient, text: string, signer = client) {
  const signature = sign('sha256', deviceReportBytes(text), signer.privateKey).toString('base64')
  return call(target(client), checkInRoute, { body: { report: text, signature } })
}

async function deviceNamed(wanted: string) {
  return (await listDevices(fixture.fleet)).find(({ name }) => name === wanted)
}

/** Stores the artifact with a certification, as submissions leave it. */
async function certified(number: number, version: string): Promise<string> {
  const { database } = fixture.fleet
  const own = fixture.fleet.store as ArtifactStore
  async function* pieces() {
    yield artifact
  }
  await own.putArtifact(sha256, pieces(), 1000)
  const bundle = await own.putBundle(`certification ${number}`)
  const signature = await own.putBundle('signature')
  const notAfter = Date.now() + 86_400_000
  await database.transaction<ArtifactsTables, void>('test', async (trx) => {
    const same = { authority: AUTHORITY, number, sha256, validator: 'lab', not_after_ms: notAfter }
    await trx
      .insertInto('trust_certifications')
      .values({ ...same, id: number, key_id: `key ${number}`, not_before_ms: 0, ended_by: null })
      .execute()
    const bundles = {
      signature_sha256: signature,
      certification_sha256: bundle,
      sbom_sha256: bundle,
      findings_sha256: bundle,
    }
    await trx
      .insertInto('artifacts_certifications')
      .values({ ...same, ...bundles, product: 'files', version, stored_ms: number })
      .execute()
  })
  return bundle
}

test('a device reports, and learns its own assignment before its group’s', async () => {
  assert.equal((await checkIn(front, report(1))).assignment, undefined)
  await assign(fixture.fleet, 'operator', {
    to: { kind: 'group', name: 'default' },
    assignment: { product: 'files', channel: 'stable' },
  })
  assert.deepEqual((await checkIn(front, report(2))).assignment, { product: 'files', channel: 'stable' })
  const pinned = { product: 'files', channel: 'stable', pinned: '1.0.0' }
  await assign(fixture.fleet, 'operator', { to: { kind: 'device', name: 'front' }, assignment: pinned })
  assert.deepEqual((await checkIn(front, report(3))).assignment, pinned)
})

test('fleet.report-signature-wrong and fleet.report-malformed leave what was known', async () => {
  const other = await enrolClient(fixture, 'other')
  await assert.rejects(checkIn(front, report(9), other), { code: 'fleet.report-signature-wrong' })
  await assert.rejects(checkIn(front, '{"counter":4}'), { code: 'fleet.report-malformed' })
  assert.equal((await deviceNamed('front'))?.report?.counter, 3)
})

test('a state that went back is noted until the operator has looked', async () => {
  await checkIn(front, report(4, { acknowledged: '4' }))
  assert.deepEqual(
    (await deviceNamed('front'))?.attention.map(({ code }) => code),
    ['fleet.state-went-back'],
  )
  await changeDevice(fixture.fleet, 'operator', { do: 'admit', device: 'front' })
  assert.deepEqual((await deviceNamed('front'))?.attention, [])
  const same = report(5)
  await checkIn(front, same)
  await checkIn(front, same)
  assert.deepEqual((await deviceNamed('front'))?.attention, [])
  await checkIn(front, report(5, { agentVersion: '0.1.1' }))
  assert.deepEqual(
    (await deviceNamed('front'))?.attention.map(({ code }) => code),
    ['fleet.state-went-back'],
  )
})

test('fleet.not-certified: what no validator of the policy certified is not released', async () => {
  const own = fixture.fleet.store as ArtifactStore
  async function* pieces() {
    yield artifact
  }
  await own.putArtifact(sha256, pieces(), 1000)
  const asked = publishRelease(fixture.fleet, 'operator', { sha256, channel: 'stable' })
  await assert.rejects(asked, { code: 'fleet.not-certified' })
})

test('a certified artifact is released once under a rising counter, and devices get exactly its files', async () => {
  const certification = await certified(7, '1.0.0')
  const hinted = fixture.hints
  const released = await publishRelease(fixture.fleet, 'operator', { sha256, channel: 'stable' })
  assert.deepEqual(released, {
    product: 'files',
    channel: 'stable',
    version: '1.0.0',
    counter: 1,
    target: 'releases/files/stable/1.json',
  })
  assert.deepEqual(await publishRelease(fixture.fleet, 'operator', { sha256, channel: 'stable' }), released)
  assert.equal(fixture.hints, hinted + 1, 'devices are told once that something was released')
  const { artifacts } = parseReleaseTarget(fixture.published.get(released.target) ?? new Uint8Array())
  assert.deepEqual(artifacts[0]?.certifications, [certification])
  const path = join(folder, 'got')
  const get = (client: FleetClient, digest: string) =>
    download(
      target(client),
      getDeviceFileRoute,
      { params: { sha256: digest } },
      { path, sha256: fromHex(digest, 'it'), maxBytes: 1000 },
      'test.get',
    )
  await get(front, sha256)
  assert.equal(readFileSync(path, 'utf8'), 'files 1.0.0')
  await get(front, certification)
  assert.equal(readFileSync(path, 'utf8'), 'certification 7')
  await assert.rejects(get(front, 'cd'.repeat(32)), { code: 'fleet.not-assigned' })
  const pending = await enrolClient(fixture, 'side').then(() => enrolClient(fixture, 'side'))
  await assert.rejects(get(pending, sha256), { code: 'fleet.not-assigned' })
  assert.equal((await checkIn(pending, report(1))).state, 'pending')
  assert.deepEqual(
    (await listReleases(fixture.fleet)).map(({ state }) => state),
    ['active'],
  )
})

test('a release that a crash left written is published at the start', async () => {
  fixture.published.clear()
  await fixture.fleet.database.transaction<ArtifactsTables & { fleet_releases: { published_ms: number | null } }, void>(
    'test',
    async (trx) => {
      await trx.updateTable('fleet_releases').set({ published_ms: null }).execute()
    },
  )
  await finishReleases(fixture.fleet)
  assert.deepEqual([...fixture.published.keys()], ['releases/files/stable/1.json'])
})

test('the reach counts who runs what, by group', async () => {
  const running = {
    product: 'files',
    version: '1.0.0',
    releaseCounter: 1,
    sha256,
    certifications: [`${AUTHORITY}:7`],
    pid: 1,
    startedAt: 'now',
  }
  await checkIn(front, report(20, { running }))
  const reach = await devicesRunning(fixture.fleet.database, [{ authority: AUTHORITY, number: 7n }])
  assert.deepEqual(reach, [{ group: 'default', devices: 2, reached: 1 }])
  const behind = await devicesOf(fixture.fleet.database, { authority: AUTHORITY, number: 7n, sha256 })
  assert.deepEqual(
    behind.map(({ name, isRunning }) => [name, isRunning]),
    [
      ['front', true],
      ['other', false],
    ],
  )
})
