import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { signTestArtifact } from '../../../../tests/vectors/bundle/fixture.ts'
import {
  type ArtifactsFixture,
  anna,
  bert,
  certifyText,
  endCertification,
  openArtifactsFixture,
} from './artifactsFixture.ts'
import type { ArtifactsTables } from './artifactsTables.ts'
import { readCertifications } from './certifications.ts'
import { submit } from './submit.ts'

const DAY_MS = 86_400_000

let fixture: ArtifactsFixture

before(async () => {
  fixture = await openArtifactsFixture()
})
after(() => fixture.close())

function read(sha256: string, days = 0) {
  const now = new Date(fixture.clock.now().getTime() + days * DAY_MS)
  return readCertifications(fixture.deps, sha256, now)
}

const states = async (sha256: string, days = 0) =>
  (await read(sha256, days)).certifications.map(({ number, state }) => [number, state])

/** A version of one product, certified after all others. */
function certified(text: string, number: bigint, claims: { product: string; version: string }) {
  fixture.clock.advance(1000)
  return certifyText(fixture, text, { number, claims })
}

test('of an unknown artifact there is nothing', async () => {
  assert.deepEqual(await read('5a'.repeat(32)), { certifications: [], signatures: [] })
})

test('a certification is told with its three bundles, and every signature that was submitted with the artifact once', async () => {
  const { sha256, artifact, signature, bundles } = await certified('one', 1n, { product: 'one', version: '1.0.0' })
  const second = signTestArtifact(fixture.instance, { artifact })
  for (const [person, text] of [
    [bert, signature],
    [anna, second],
    [bert, second],
  ] as const) {
    await submit(fixture.deps, person, { sha256, signature: text, name: 'one', validators: ['embedded'] })
  }
  const { certifications, signatures } = await read(sha256)
  assert.deepEqual(certifications, [
    {
      validator: 'embedded',
      authority: fixture.instance.certifications.certificate.keyId,
      number: '1',
      sha256,
      product: 'one',
      version: '1.0.0',
      notAfter: '2027-02-18T12:00:00.000Z',
      state: 'active',
      certification: bundles.certification,
      sbom: bundles.sbom,
      findings: bundles.findings,
    },
  ])
  assert.deepEqual(signatures.toSorted(), [signature, second].toSorted())
})

test('certifications are told newest first, with what became of each', async () => {
  const { sha256 } = await certified('states', 2n, { product: 'states', version: '1.0.0' })
  await endCertification(fixture, 2)
  await certified('states', 3n, { product: 'states', version: '1.0.0' })
  assert.deepEqual(await states(sha256), [
    ['3', 'active'],
    ['2', 'ended'],
  ])
  assert.deepEqual(await states(sha256, 91), [
    ['3', 'expired'],
    ['2', 'ended'],
  ])
})

test('newer: the newest active certification of the same product and of other bytes', async () => {
  const old = await certified('files old', 10n, { product: 'files', version: '1.0.0' })
  assert.equal((await read(old.sha256)).newer, undefined)
  const middle = await certified('files middle', 11n, { product: 'files', version: '1.1.0' })
  await certified('other', 12n, { product: 'other', version: '9.0.0' })
  const newest = await certified('files newest', 13n, { product: 'files', version: '1.2.0' })
  assert.equal((await read(old.sha256)).newer?.number, '13')
  assert.equal((await read(old.sha256)).newer?.sha256, newest.sha256)
  assert.equal((await read(newest.sha256)).newer?.number, '11')
  await endCertification(fixture, 13)
  assert.equal((await read(old.sha256)).newer?.version, '1.1.0')
  await endCertification(fixture, 11)
  assert.equal((await read(middle.sha256)).newer?.version, '1.0.0')
  assert.equal((await read(middle.sha256, 91)).newer, undefined)
})

test('newer goes past everything that ended, however much that is', async () => {
  await certified('still there', 20n, { product: 'much', version: '1.0.0' })
  const gone = await certified('gone', 21n, { product: 'much', version: '1.1.0' })
  await endCertification(fixture, 21)
  await repeat(21, 150)
  assert.equal((await read(gone.sha256)).certifications.length, 100)
  const { sha256 } = await certified('asked', 30n, { product: 'much', version: '2.0.0' })
  assert.equal((await read(sha256)).newer?.number, '20')
})

/** Makes copies of a certification under numbers of their own. */
async function repeat(number: number, copies: number): Promise<void> {
  await fixture.deps.database.transaction<ArtifactsTables, void>('test', async (trx) => {
    for (const table of ['trust_certifications', 'artifacts_certifications'] as const) {
      const row = await trx.selectFrom(table).selectAll().where('number', '=', number).executeTakeFirstOrThrow()
      for (let copy = 1000; copy < 1000 + copies; copy++) {
        const own = 'id' in row ? { id: copy, key_id: `key ${copy}` } : {}
        await trx
          .insertInto(table)
          .values({ ...row, ...own, number: copy })
          .execute()
      }
    }
  })
}
