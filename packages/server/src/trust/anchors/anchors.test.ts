import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { manualClock } from '@countersign/local/clock/manualClock.ts'
import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import { folderBlobs } from '@countersign/platform/blobs/folderBlobs.ts'
import type { KeyStore } from '@countersign/platform/keystore/keyStore.ts'
import { softwareKeyStore } from '@countersign/platform/keystore/softwareKeys.ts'
import { Updater } from 'tuf-js'
import { createAnchors, tufKeyNames } from './createAnchors.ts'
import { type Anchors, firstRootHash, openAnchors } from './openAnchors.ts'
import { readLatestRoot, readRepository, TUF_FOLDER } from './readRepository.ts'
import { renewTufRoot } from './renewTufRoot.ts'
import { tufKey } from './tufMetadata.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

// tuf-js reads the real clock, so the repository is made at the real time and the tests move on from there.
let folder: string
let server: Server
let blobs: Blobs
let rootKeys: KeyStore
let onlineKeys: KeyStore
let anchors: Anchors
let clock = manualClock(new Date())

before(async () => {
  server = createServer(async (request, response) => {
    const found = await blobs.get(TUF_FOLDER + decodeURIComponent(request.url?.slice(1) ?? '')).catch(() => undefined)
    response.writeHead(found === undefined ? 404 : 200).end(found)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

after(async () => {
  server.close()
  await rm(folder, { recursive: true, force: true })
})

beforeEach(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  folder = await mkdtemp(join(tmpdir(), 'countersign-anchors-'))
  clock = manualClock(new Date())
  blobs = folderBlobs(join(folder, 'blobs'))
  const wrap = { kind: 'key', key: new Uint8Array(32).fill(7) } as const
  rootKeys = softwareKeyStore({ folder: join(folder, 'root'), wrap, clock })
  onlineKeys = softwareKeyStore({ folder: join(folder, 'online'), wrap, clock })
  await createAnchors({ blobs, clock, rootKeys, onlineKeys })
  anchors = openAnchors({ blobs, clock, keys: await onlineTufKeys() })
})

async function onlineTufKeys() {
  return {
    targets: await onlineKeys.open(tufKeyNames.targets),
    snapshot: await onlineKeys.open(tufKeyNames.snapshot),
    timestamp: await onlineKeys.open(tufKeyNames.timestamp),
  }
}

/** A client as tuf-js has it, that starts from `1.root.json` and keeps its state in `name`. */
async function client(name: string): Promise<{ refresh(): Promise<void>; read(target: string): Promise<string> }> {
  const home = join(folder, name)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await mkdir(join(home, 'targets'), { recursive: true })
  await writeFile(join(home, 'root.json'), (await blobs.get(`${TUF_FOLDER}1.root.json`)) as Uint8Array, {
    flag: 'wx',
  }).catch(() => {})
  const updater = new Updater({
    metadataDir: home,
    metadataBaseUrl: url,
    targetDir: join(home, 'targets'),
    targetBaseUrl: `${url}/targets`,
    config: { fetchRetries: 0 },
  })
  return {
    refresh: () => updater.refresh(),
    async read(target) {
      const info = await updater.getTargetInfo(target)
      assert.ok(info, `no target ${target}`)
      return readFile(await updater.downloadTarget(info), 'utf8')
    },
  }
}

test('tuf-js reads what was published, from the first root alone', async () => {
  await anchors.publish({ 'trusted_root.json': bytes('{"a":1}'), 'device_root.pem': bytes('PEM') })
  const reader = await client('one')
  await reader.refresh()
  assert.equal(await reader.read('trusted_root.json'), '{"a":1}')
  assert.equal(await reader.read('device_root.pem'), 'PEM')
})

test('a later version reaches a client that has the earlier one, and other targets stay', async () => {
  await anchors.publish({ 'a.json': bytes('1'), 'b.json': bytes('b') })
  await (await client('one')).refresh()
  await anchors.publish({ 'a.json': bytes('2'), 'releases/p/c/1.json': bytes('r') })
  const reader = await client('one')
  await reader.refresh()
  assert.equal(await reader.read('a.json'), '2')
  assert.equal(await reader.read('b.json'), 'b')
  assert.equal(await reader.read('releases/p/c/1.json'), 'r')
})

test('publishing the same bytes again makes no new version', async () => {
  await anchors.publish({ 'a.json': bytes('1') })
  await anchors.publish({ 'a.json': bytes('1') })
  assert.equal((await readRepository(blobs)).timestamp.signed.version, 1)
})

test('whoever listens hears of a publication when clients see it', async () => {
  const seen: Promise<number>[] = []
  anchors.onPublished(() => {
    seen.push(readRepository(blobs).then(({ timestamp }) => timestamp.signed.version))
  })
  await anchors.publish({ 'a.json': bytes('a') })
  await anchors.change('a.json', async () => bytes('b'))
  assert.deepEqual(await Promise.all(seen), [1, 2])
})

test('publications at the same time come one after the other', async () => {
  await Promise.all(['a', 'b', 'c'].map((name) => anchors.publish({ [name]: bytes(name) })))
  const { targets, timestamp } = await readRepository(blobs)
  assert.deepEqual(Object.keys(targets.signed.targets).sort(), ['a', 'b', 'c'])
  assert.equal(timestamp.signed.version, 3)
})

test('a publication that dies before timestamp.json changes nothing for clients, and the next one goes through', async () => {
  await anchors.publish({ 'a.json': bytes('1') })
  for (const point of ['tuf.target', 'tuf.targets', 'tuf.snapshot', 'tuf.timestamp']) {
    const dying: Blobs = {
      ...blobs,
      putOnce: (key, content, write) => (write.point === point ? fail() : blobs.putOnce(key, content, write)),
      replace: (key, content, write) => (write.point === point ? fail() : blobs.replace(key, content, write)),
    }
    const interrupted = openAnchors({ blobs: dying, clock, keys: await onlineTufKeys() })
    await assert.rejects(interrupted.publish({ 'a.json': bytes(point) }), /power lost/)
    const reader = await client(point)
    await reader.refresh()
    assert.equal(await reader.read('a.json'), '1')
  }
  await anchors.publish({ 'a.json': bytes('after') })
  const reader = await client('tuf.timestamp')
  await reader.refresh()
  assert.equal(await reader.read('a.json'), 'after')
})

function fail(): Promise<never> {
  return Promise.reject(new Error('power lost'))
}

test('renewal re-signs the timestamp after a day and everything after half a month', async () => {
  await anchors.publish({ 'a.json': bytes('1') })
  await anchors.renew()
  assert.equal((await readRepository(blobs)).timestamp.signed.version, 1)
  clock.advance(25 * 3_600_000)
  await anchors.renew()
  const afterADay = await readRepository(blobs)
  assert.deepEqual([afterADay.timestamp.signed.version, afterADay.snapshot.signed.version], [2, 1])
  clock.advance(15 * 86_400_000)
  await anchors.renew()
  const afterHalfAMonth = await readRepository(blobs)
  assert.deepEqual([afterHalfAMonth.snapshot.signed.version, afterHalfAMonth.targets.signed.version], [2, 2])
  const status = await anchors.status()
  assert.equal(status.rootVersion, 1)
  assert.ok(status.timestampExpires.getTime() > clock.now().getTime() + 6 * 86_400_000)
  const reader = await client('one')
  await reader.refresh()
  assert.equal(await reader.read('a.json'), '1')
})

test('a renewed root with a new key is followed by a client that has only the first', async () => {
  await anchors.publish({ 'a.json': bytes('1') })
  const hash = await firstRootHash(blobs)
  assert.deepEqual(await renewTufRoot({ blobs, clock, rootKeys }, { newKey: true }), { version: 2 })
  assert.deepEqual(await renewTufRoot({ blobs, clock, rootKeys }, { newKey: false }), { version: 3 })
  const reader = await client('one')
  await reader.refresh()
  assert.equal(await reader.read('a.json'), '1')
  assert.equal(JSON.parse(await readFile(join(folder, 'one', 'root.json'), 'utf8')).signed.version, 3)
  assert.equal((await readLatestRoot(blobs)).metadata.signed.version, 3)
  assert.deepEqual(await firstRootHash(blobs), hash)
  assert.equal(Object.keys((await readLatestRoot(blobs)).metadata.signatures).length, 1)
})

test('a root cannot be renewed without the key that the present one names', async () => {
  const wrap = { kind: 'key', key: new Uint8Array(32) } as const
  const stranger = softwareKeyStore({ folder: join(folder, 'stranger'), wrap, clock })
  await stranger.create('tuf-root-1', 'ecdsa-p256')
  await assert.rejects(renewTufRoot({ blobs, clock, rootKeys: stranger }, { newKey: false }), {
    code: 'trust.key-mismatch',
  })
})

test('a key that is not P-256 is no TUF key', async () => {
  const key = await onlineKeys.create('ed25519', 'ed25519')
  assert.throws(() => tufKey(key), { code: 'trust.key-mismatch' })
})

test('the ceremony can be repeated and keeps its first root', async () => {
  const first = await blobs.get(`${TUF_FOLDER}1.root.json`)
  await createAnchors({ blobs, clock, rootKeys, onlineKeys })
  assert.deepEqual(await blobs.get(`${TUF_FOLDER}1.root.json`), first)
  assert.equal(
    Buffer.from(await firstRootHash(blobs)).toString('hex'),
    createHash('sha256')
      .update(first as Uint8Array)
      .digest('hex'),
  )
})

test('a key id is the hash of the canonical key', async () => {
  const { keyID, keyType, scheme, keyVal } = tufKey(await onlineKeys.open(tufKeyNames.targets))
  const canonical = `{"keytype":"${keyType}","keyval":{"public":"${keyVal.public}"},"scheme":"${scheme}"}`
  assert.equal(keyID, createHash('sha256').update(canonical).digest('hex'))
})

test('a changed byte or a missing file is noticed before anything is built on it', async () => {
  await anchors.publish({ 'a.json': bytes('1') })
  const write = { point: 'test' }
  const timestamp = JSON.parse(new TextDecoder().decode(await blobs.get(`${TUF_FOLDER}timestamp.json`)))
  timestamp.signed.version = 7
  await blobs.replace(`${TUF_FOLDER}timestamp.json`, bytes(JSON.stringify(timestamp)), write)
  await assert.rejects(anchors.publish({ 'a.json': bytes('2') }), { code: 'trust.anchors-wrong' })
  await blobs.replace(`${TUF_FOLDER}timestamp.json`, bytes('{'), write)
  await assert.rejects(anchors.renew(), { code: 'trust.anchors-wrong' })
  await blobs.delete(`${TUF_FOLDER}timestamp.json`, write)
  await assert.rejects(anchors.renew(), { code: 'trust.anchors-missing' })
  await blobs.delete(`${TUF_FOLDER}1.root.json`, write)
  await assert.rejects(firstRootHash(blobs), { code: 'trust.anchors-missing' })
})

test('names that could leave the folder or confuse an address are refused', async () => {
  for (const name of ['', '/a', 'a/', '../a', 'a/../b', 'a//b', '.a', 'a b', 'a%2fb', 'a'.repeat(201)]) {
    await assert.rejects(anchors.publish({ [name]: bytes('1') }), { code: 'trust.target-name' }, name)
  }
})
