import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import type { Ticket } from '@countersign/protocol/api/ticket.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import { systemClock } from '../clock/clock.ts'
import { addTrust } from './addTrust.ts'
import { anchorFolder, loadAnchor, saveAnchor } from './anchorStore.ts'
import { listAnchors, openAnchors } from './openAnchors.ts'
import { refreshAnchors } from './refreshAnchors.ts'
import { removeTrust } from './removeTrust.ts'
import { fixtureKey, fixtureRepository, fixtureSpec, type RepositorySpec, TufServer } from './repositoryFixture.ts'
import { sha256Hex } from './tufMetadata.ts'
import type { RepositoryFiles } from './verifyRepository.ts'

let server: TufServer
let config: string
let spec: RepositorySpec
before(async () => {
  server = await TufServer.start()
})
after(() => server.stop())
beforeEach(() => {
  config = mkdtempSync(join(tmpdir(), 'countersign-anchors-'))
  spec = fixtureSpec(new Date())
  server.clockOffsetMs = 0
  serve({})
})
afterEach(() => rmSync(config, { recursive: true }))

const deps = () => ({ clock: systemClock, config, timeoutMs: 2000 })

function serve(changes: Partial<RepositorySpec>): RepositoryFiles {
  const repository = fixtureRepository({ ...spec, ...changes })
  server.serve(repository)
  return repository
}

function ticket(changes: Partial<Ticket> = {}): Ticket {
  return {
    url: 'https://sign.example.org',
    httpUrl: server.url,
    environment: 'production',
    rootSha256: sha256Hex(server.files.get('1.root.json') as Uint8Array),
    expires: new Date(Date.now() + 60_000),
    ...changes,
  }
}

test('trust added by ticket opens again without network and holds the targets', async () => {
  const added = await addTrust(ticket(), deps())
  const root = added.anchors.rootSha256
  for (const which of [undefined, 'sign.example.org', 'https://sign.example.org', root.slice(0, 8), root]) {
    const anchors = await openAnchors(which, config)
    assert.equal(anchors.environment, 'production')
    assert.deepEqual(anchors.policy.validators, { required: 0, of: [] })
    assert.equal(Buffer.from(anchors.target('device_root.pem')).toString(), '-----BEGIN CERTIFICATE-----\n')
  }
  assert.equal((await listAnchors(config)).length, 1)
})

test('anchors.none, anchors.unknown, anchors.ambiguous', async () => {
  await assert.rejects(openAnchors(undefined, config), { code: 'anchors.none' })
  await addTrust(ticket(), deps())
  await assert.rejects(openAnchors('else.example.org', config), { code: 'anchors.unknown' })
  spec = fixtureSpec(new Date())
  serve({})
  await addTrust(ticket({ url: 'https://two.example.org' }), deps())
  await assert.rejects(openAnchors(undefined, config), { code: 'anchors.ambiguous' })
  assert.equal((await openAnchors('two.example.org', config)).url, 'https://two.example.org')
})

test('ticket.expired and anchors.root-mismatch: nothing is written', async () => {
  const late = ticket({ expires: new Date(Date.now() - 1) })
  await assert.rejects(addTrust(late, deps()), { code: 'ticket.expired' })
  await assert.rejects(addTrust(ticket({ rootSha256: '00'.repeat(32) }), deps()), { code: 'anchors.root-mismatch' })
  assert.deepEqual(await listAnchors(config), [])
})

test('anchors.environment-mismatch: the ticket and the policy disagree', async () => {
  await assert.rejects(addTrust(ticket({ environment: 'development' }), deps()), {
    code: 'anchors.environment-mismatch',
  })
})

test('policy.version-newer: a newer policy is not half understood', async () => {
  serve({ files: { 'verification_policy.json': Buffer.from(JSON.stringify({ ...testPolicy(), v: 2 })) } })
  await assert.rejects(addTrust(ticket(), deps()), { code: 'policy.version-newer' })
})

test('anchors.unreachable: no server, or one without trust metadata', async () => {
  await assert.rejects(addTrust(ticket({ httpUrl: 'http://127.0.0.1:1' }), deps()), { code: 'anchors.unreachable' })
  const valid = ticket()
  server.files.clear()
  await assert.rejects(addTrust(valid, deps()), { code: 'anchors.unreachable' })
})

for (const name of ['timestamp.json', '1.snapshot.json', '1.targets.json', 'trusted_root.json']) {
  test(`anchors.tampered: one byte changed in ${name} on the way`, async () => {
    const path = [...server.files.keys()].find((one) => one.endsWith(name)) as string
    const bytes = Uint8Array.from(server.files.get(path) as Uint8Array)
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] as number) ^ 1
    server.files.set(path, bytes)
    await assert.rejects(addTrust(ticket(), deps()), { code: 'anchors.tampered' })
    assert.deepEqual(await listAnchors(config), [])
  })
}

test('anchors.tampered: an answer without end', async () => {
  const valid = ticket()
  server.files.set('timestamp.json', new Uint8Array(100_000))
  await assert.rejects(addTrust(valid, deps()), { code: 'anchors.tampered' })
})

test('newer metadata and newer roots are followed; the first root stays the name', async () => {
  const { anchors } = await addTrust(ticket(), deps())
  serve({ version: 2, rootKeys: [...spec.rootKeys, fixtureKey(), fixtureKey()] })
  const renewed = await refreshAnchors(anchors, deps())
  assert.deepEqual({ ...renewed.anchors.versions }, { root: 3, timestamp: 2, snapshot: 2, targets: 2 })
  assert.equal((await openAnchors(undefined, config)).versions.root, 3)
  assert.equal(renewed.anchors.rootSha256, anchors.rootSha256)
})

test('refreshing what is current changes nothing on disk', async () => {
  const { anchors } = await addTrust(ticket(), deps())
  const file = join(anchorFolder(anchors.rootSha256, config), 'anchor.json')
  const stored = readFileSync(file)
  await refreshAnchors(anchors, deps())
  assert.deepEqual(readFileSync(file), stored)
})

test('anchors.tampered: a root that the old root did not sign', async () => {
  const { anchors } = await addTrust(ticket(), deps())
  const foreign = fixtureRepository({ ...spec, rootKeys: [fixtureKey(), fixtureKey()] })
  server.files.set('2.root.json', foreign.roots[1] as Uint8Array)
  await assert.rejects(refreshAnchors(anchors, deps()), { code: 'anchors.tampered' })
  assert.equal((await openAnchors(undefined, config)).versions.root, 1)
})

/** A chain of two roots whose second one lacks a signature, and is otherwise of the same repository. */
const brokenChains: readonly { what: string; roots: () => Uint8Array[] }[] = [
  {
    what: 'a root that the root before it did not sign',
    roots: () => {
      const own = fixtureRepository(spec)
      const foreign = fixtureRepository({ ...spec, rootKeys: [fixtureKey(), fixtureKey()] })
      return [own.roots[0] as Uint8Array, foreign.roots[1] as Uint8Array]
    },
  },
  {
    what: 'a root that its own keys did not sign',
    roots: () => {
      const [first, second] = fixtureRepository({ ...spec, rootKeys: [...spec.rootKeys, fixtureKey()] }).roots
      const { signed, signatures } = JSON.parse(Buffer.from(second as Uint8Array).toString())
      const byFirst = signatures.filter(({ keyid }: { keyid: string }) => keyid === spec.rootKeys[0]?.id)
      return [first as Uint8Array, Buffer.from(JSON.stringify({ signed, signatures: byFirst }))]
    },
  },
]
for (const { what, roots } of brokenChains) {
  test(`anchors.tampered: ${what}, in what is stored`, async () => {
    const { anchors } = await addTrust(ticket(), deps())
    const good = await loadAnchor(anchors.rootSha256, config)
    await saveAnchor({ ...good, repository: { ...good.repository, roots: roots() } }, config)
    await assert.rejects(openAnchors(undefined, config), { code: 'anchors.tampered' })
  })

  test(`anchors.tampered: ${what}, in what is served`, async () => {
    const chain = roots()
    server.serve({ ...fixtureRepository(spec), roots: chain })
    await assert.rejects(addTrust(ticket(), deps()), { code: 'anchors.tampered' })
    assert.deepEqual(await listAnchors(config), [])
  })
}

test('anchors.rolled-back: older metadata than before, also by adding trust again', async () => {
  serve({ version: 2 })
  const { anchors } = await addTrust(ticket(), deps())
  serve({ version: 1 })
  await assert.rejects(refreshAnchors(anchors, deps()), { code: 'anchors.rolled-back' })
  await assert.rejects(addTrust(ticket(), deps()), { code: 'anchors.rolled-back' })
  assert.equal((await openAnchors(undefined, config)).versions.targets, 2)
})

test('anchors.expired: by the time of whoever asks, not by what the system shows', async () => {
  const { anchors } = await addTrust(ticket(), deps())
  const late = new Date(Date.now() + 400 * 86_400_000)
  const clock = { ...systemClock, now: () => late }
  await assert.rejects(refreshAnchors(anchors, { ...deps(), clock }), { code: 'anchors.expired' })
})

test('anchors.expired: on the way expired metadata is refused, on disk the date is told', async () => {
  const past = new Date(Date.now() - 60_000)
  const { anchors } = await addTrust(ticket(), deps())
  serve({ version: 2, expires: { ...spec.expires, timestamp: past } })
  await assert.rejects(refreshAnchors(anchors, deps()), { code: 'anchors.expired' })
  serve({ version: 3, expires: { ...spec.expires, targets: past } })
  await assert.rejects(refreshAnchors(anchors, deps()), { code: 'anchors.expired' })
  assert.ok(anchors.expires > new Date())
})

test('a clock an hour off shows in the offset', async () => {
  server.clockOffsetMs = -3_600_000
  const { clockOffsetMs } = await addTrust(ticket(), deps())
  assert.ok(Math.abs((clockOffsetMs ?? 0) - 3_600_000) < 10_000, String(clockOffsetMs))
})

test('anchors.tampered: every stored byte counts when the anchor is opened', async () => {
  const { anchors } = await addTrust(ticket(), deps())
  const good = await loadAnchor(anchors.rootSha256, config)
  const { repository } = good
  const flip = (bytes: Uint8Array) => bytes.with(bytes.length >> 1, (bytes[bytes.length >> 1] as number) ^ 1)
  const changed = [
    { ...repository, roots: repository.roots.map(flip) },
    ...(['timestamp', 'snapshot', 'targets'] as const).map((role) => ({
      ...repository,
      [role]: flip(repository[role]),
    })),
    ...Object.entries(repository.files).map(([name, bytes]) => ({
      ...repository,
      files: { ...repository.files, [name]: flip(bytes) },
    })),
  ]
  for (const one of changed) {
    await saveAnchor({ ...good, repository: one }, config)
    await assert.rejects(openAnchors(undefined, config), { code: /^anchors\.(?:tampered|root-mismatch)$/ })
  }
  await saveAnchor(good, config)
  await openAnchors(undefined, config)
})

test('anchors.tampered: a file that is no anchor at all can be removed, and added again', async () => {
  const { anchors } = await addTrust(ticket(), deps())
  writeFileSync(join(anchorFolder(anchors.rootSha256, config), 'anchor.json'), '{"v":1}')
  await assert.rejects(openAnchors(undefined, config), { code: 'anchors.tampered' })
  assert.equal((await removeTrust(anchors.rootSha256, config)).rootSha256, anchors.rootSha256)
  assert.deepEqual(await listAnchors(config), [])
  await addTrust(ticket(), deps())
  assert.equal((await removeTrust('sign.example.org', config)).url, 'https://sign.example.org')
  await assert.rejects(removeTrust(undefined, config), { code: 'anchors.none' })
})
