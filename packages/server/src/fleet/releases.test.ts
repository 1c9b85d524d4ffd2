import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { parseReleaseTarget } from '@countersign/protocol/release/releaseTarget.ts'
import type { ArtifactStore } from '../artifacts/artifactStore.ts'
import { hexSha256, inPieces } from '../artifacts/artifactsFixture.ts'
import type { ArtifactsTables } from '../artifacts/artifactsTables.ts'
import { validatorsUrl } from '../trust/facts.ts'
import { type FleetFixture, openFleetFixture } from './fleetFixture.ts'
import type { FleetTables } from './fleetTables.ts'
import { isReleased, listReleases, publishRelease } from './releases.ts'

const AUTHORITY = 'ab'.repeat(32)
const DAY_MS = 86_400_000

let fixture: FleetFixture
before(async () => {
  fixture = await openFleetFixture(new Date())
  askFor(1, ['embedded', 'lab'])
})
after(() => fixture.close())

function askFor(required: number, names: readonly string[]): void {
  const issuer = validatorsUrl(fixture.fleet.facts)
  const of = names.map((name) => ({ name, issuer, subject: `${issuer}/${name}` }))
  fixture.policy = { ...fixture.policy, validators: { required, of } }
}

interface Certified {
  readonly validator?: string
  readonly product?: string
  readonly version?: string
  /** Text of the signature that it is about. */
  readonly signature?: string
  readonly days?: number
}

let last = 0

/** Stores `text` with a certification, as submissions leave it. Resolves with the digest. */
async function certified(text: string, changes: Certified = {}): Promise<string> {
  const { validator = 'embedded', product = 'files', version = '1.0.0', signature = 'signature', days = 1 } = changes
  const { database, clock } = fixture.fleet
  const store = fixture.fleet.store as ArtifactStore
  const sha256 = hexSha256(text)
  await store.putArtifact(sha256, inPieces(text), 1000)
  const number = ++last
  const bundle = await store.putBundle(`certification ${number}`)
  const signed = await store.putBundle(signature)
  await database.transaction<ArtifactsTables, void>('test', async (trx) => {
    const not_after_ms = clock.now().getTime() + days * DAY_MS
    const same = { authority: AUTHORITY, number, sha256, validator, not_after_ms }
    const issued = { ...same, id: number, key_id: `key ${number}`, not_before_ms: 0, ended_by: null }
    await trx.insertInto('trust_certifications').values(issued).execute()
    const bundles = { certification_sha256: bundle, sbom_sha256: bundle, findings_sha256: bundle }
    const stored = { ...same, ...bundles, signature_sha256: signed, product, version, stored_ms: number }
    await trx.insertInto('artifacts_certifications').values(stored).execute()
  })
  return sha256
}

async function end(sha256: string): Promise<void> {
  await fixture.fleet.database.transaction<ArtifactsTables, void>('test', async (trx) => {
    await trx.updateTable('trust_certifications').set({ ended_by: 1 }).where('sha256', '=', sha256).execute()
  })
}

const release = (sha256: string, channel = 'stable') => publishRelease(fixture.fleet, 'operator', { sha256, channel })
const stateOf = async (sha256: string) =>
  (await listReleases(fixture.fleet)).find((one) => one.sha256 === sha256)?.state

test('fleet.artifact-unknown: what nobody stored is not released', async () => {
  await assert.rejects(release('5a'.repeat(32)), { code: 'fleet.artifact-unknown' })
})

test('what a release names is known as released: its artifact and every file it needs', async () => {
  const sha256 = await certified('named by a release', { product: 'named' })
  const tables = fixture.fleet.database.tables<FleetTables>()
  assert.equal(await isReleased(tables, sha256), false)
  await release(sha256)
  assert.equal(await isReleased(tables, sha256), true)
  assert.equal(await isReleased(tables, hexSha256('signature')), true)
})

test('fleet.version-released: the same version with other bytes, on this channel only', async () => {
  const sha256 = await certified('files 1.0.0', { product: 'same' })
  const other = await certified('files 1.0.0, rebuilt', { product: 'same' })
  await release(sha256)
  await assert.rejects(release(other), { code: 'fleet.version-released' })
  assert.equal((await release(other, 'beta')).counter, 1)
  await release(await certified('files 1.1.0', { product: 'same', version: '1.1.0' }))
  await assert.rejects(release(other), { code: 'fleet.version-released' })
})

test('going back to an earlier release is a release with a higher counter', async () => {
  const [old, next] = [
    await certified('one', { product: 'back' }),
    await certified('two', { product: 'back', version: '2' }),
  ]
  const counters = []
  for (const sha256 of [old, next, old]) counters.push((await release(sha256)).counter)
  assert.deepEqual(counters, [1, 2, 3])
})

test('many releases at once get counters of their own, and the same one gets one', async () => {
  const all = ['1', '2', '3', '4'].map((version) => certified(`many ${version}`, { product: 'many', version }))
  const digests = await Promise.all(all)
  const counters = (await Promise.all(digests.map((sha256) => release(sha256)))).map(({ counter }) => counter)
  assert.deepEqual(counters.toSorted(), [1, 2, 3, 4])
  const one = await certified('single', { product: 'single' })
  const same = await Promise.all([release(one), release(one), release(one)])
  assert.deepEqual(
    same.map(({ counter }) => counter),
    [1, 1, 1],
  )
})

test('fleet.not-certified: as many validators as the policy asks for, each with an active certification', async () => {
  const sha256 = await certified('two of two', { product: 'two' })
  askFor(2, ['embedded', 'lab'])
  await assert.rejects(release(sha256), { code: 'fleet.not-certified' })
  await certified('two of two', { product: 'two' })
  await assert.rejects(release(sha256), { code: 'fleet.not-certified' })
  await certified('two of two', { product: 'two', validator: 'stranger' })
  await assert.rejects(release(sha256), { code: 'fleet.not-certified' })
  await certified('two of two', { product: 'two', validator: 'lab' })
  const { target } = await release(sha256)
  const { artifacts } = parseReleaseTarget(fixture.published.get(target) ?? new Uint8Array())
  assert.equal(artifacts[0]?.certifications.length, 2)
  askFor(1, ['embedded', 'lab'])
})

test('fleet.certifications-disagree: about product, version or signature; what agrees again is released', async () => {
  askFor(2, ['embedded', 'lab'])
  for (const [at, wrong] of [{ product: 'other' }, { version: '9' }, { signature: 'another' }].entries()) {
    const text = `disagreeing ${at}`
    const named = { product: `disagreeing${at}` }
    const sha256 = await certified(text, named)
    await certified(text, { ...named, validator: 'lab', ...wrong })
    await assert.rejects(release(sha256), { code: 'fleet.certifications-disagree' })
    await certified(text, { ...named, validator: 'lab' })
    assert.equal((await release(sha256)).counter, 1)
  }
  askFor(1, ['embedded', 'lab'])
})

test('a release is active while enough of its certifications are, then ended or expired; neither is released again', async () => {
  const [active, ended] = [await certified('active', { product: 'a' }), await certified('ended', { product: 'b' })]
  const expired = await certified('expired', { product: 'c' })
  for (const sha256 of [active, ended, expired]) await release(sha256)
  await end(ended)
  await certified('active', { product: 'a', days: 10 })
  fixture.advance(2 * DAY_MS)
  assert.deepEqual(
    [await stateOf(active), await stateOf(ended), await stateOf(expired)],
    ['active', 'ended', 'expired'],
  )
  await assert.rejects(release(ended, 'beta'), { code: 'fleet.not-certified' })
  await assert.rejects(release(expired, 'beta'), { code: 'fleet.not-certified' })
})
