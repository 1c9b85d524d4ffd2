import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { endedNumbers, signedLeaf, testRevoker, testRevokers } from '@countersign/protocol/decide/revokerFixture.ts'
import { testPolicy, unreachableLogs } from '@countersign/protocol/policy/policyFixture.ts'
import { saveAnchor } from '../anchors/anchorStore.ts'
import { type Anchors, openAnchors } from '../anchors/openAnchors.ts'
import { fixtureRepository, fixtureSpec, TufServer } from '../anchors/repositoryFixture.ts'
import { sha256Hex } from '../anchors/tufMetadata.ts'
import { systemClock } from '../clock/clock.ts'
import { LogServer, TestLog, testSigner } from './logFixture.ts'
import { watchRenewed } from './watchRenewed.ts'

const ORIGIN = 'sign.example.org/production/revocations'
const witness = testSigner('witness.example.org', 0x04)
const [anna, bert] = [testRevoker('anna', ['certifications']), testRevoker('bert', ['certifications'])]
let tuf: TufServer
let feed: LogServer
let config: string

before(async () => {
  tuf = await TufServer.start()
  feed = await LogServer.start()
  config = mkdtempSync(join(tmpdir(), 'countersign-renewed-'))
})
after(() => {
  tuf.stop()
  feed.stop()
  rmSync(config, { recursive: true })
})

test('a revoker whom a new policy names counts while the feed is watched, also for what was logged before', async () => {
  const log = new TestLog(ORIGIN)
  const publish = () => feed.publish('revocations', log, log.checkpoint(witness, new Date()))
  log.entries.push(signedLeaf(endedNumbers([7n]), bert))
  publish()
  const spec = fixtureSpec(new Date())
  const repository = (version: number, revokers: (typeof anna)[]) => {
    const policy = testPolicy({
      logs: {
        ...unreachableLogs(),
        revocations: [{ origin: ORIGIN, key: { vkey: log.signer.vkey }, url: `${feed.url}/revocations` }],
      },
      revokers: {
        ...testRevokers(revokers, 2),
        approvals: { certifications: 1, digest: 2, certificate: 2, identity: 2 },
      },
      witnesses: { quorum: 1, of: [{ name: 'witness.example.org', vkey: witness.vkey, outside: true }] },
    })
    return fixtureRepository({
      ...spec,
      version,
      files: { 'verification_policy.json': Buffer.from(JSON.stringify(policy)) },
    })
  }
  const first = repository(1, [anna])
  const rootSha256 = sha256Hex(first.roots[0] as Uint8Array)
  const facts = { url: 'https://127.0.0.1:1', httpUrl: tuf.url, environment: 'production', rootSha256 } as const
  await saveAnchor({ v: 1, ...facts, addedAt: new Date().toISOString(), repository: first }, config)
  tuf.serve(first)

  const stop = new AbortController()
  const told: string[] = []
  const troubles: string[] = []
  const watching = watchRenewed(
    await openAnchors(rootSha256, config),
    {
      async onKnowledge({ knowledge, ignored }) {
        told.push(`${knowledge.records.length} count, ${ignored} do not`)
        if (told.length === 1) tuf.serve(repository(2, [anna, bert]))
        if (knowledge.records.length > 0) stop.abort()
      },
      async onAnchors({ versions }: Anchors) {
        told.push(`targets ${versions.targets}`)
        // What is trusted now is stored as well, for the next program that starts.
        assert.equal((await openAnchors(rootSha256, config)).versions.targets, versions.targets)
      },
      onTrouble: ({ code }) => void troubles.push(code),
    },
    {
      // An hour between two polls: only following again brings the record.
      clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms < 100_000 ? ms / 1000 : ms, signal) },
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(30_000)]),
      pollMs: 3_600_000,
      timeoutMs: 2000,
      config,
    },
  )
  await watching
  assert.deepEqual(told, ['0 count, 1 do not', 'targets 2', '1 count, 0 do not'])
  assert.ok(!troubles.some((code) => code !== 'feed.unreachable'), troubles.join())
})
