import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { SIGNING_CONFIG_MEDIA_TYPE } from '@countersign/protocol/bundle/signingConfig.ts'
import { makeTestIdentity, makeTestKey, makeTestRoot } from '@countersign/protocol/x509/authorityFixture.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import {
  decidedSubmission,
  openTestValidator,
  type TestInstance,
  type TestValidator,
  testAdvisory,
  testFolder,
  testInstance,
} from '../watch/validatorFixture.ts'
import { certify } from './certify.ts'
import { certifyError } from './errors.ts'
import { signingServices } from './signingServices.ts'

const app = { id: '0'.repeat(32), name: 'left-pad', version: '1.0.0' }

let remove: () => Promise<void>
let instance: TestInstance
let validator: TestValidator

beforeEach(async () => {
  let folder: string
  ;({ folder, remove } = await testFolder())
  instance = testInstance()
  validator = await openTestValidator(folder, instance)
  await validator.importWhole([testAdvisory('GHSA-0000-0000-0001', 'unrelated', '1.0.0')])
})

afterEach(async () => {
  await validator.close()
  await remove()
})

test('certify.authority-answer-wrong: a certificate for another key is not kept, and asked for again', async () => {
  const { issue } = instance.authority
  const foreign = toPem(makeTestIdentity(makeTestRoot('other'), makeTestKey()).certificate.raw)
  const answer = { authority: 'a'.repeat(64), number: '9', certificates: [foreign] }
  Object.assign(instance.authority, { issue: async () => answer })
  await assert.rejects(certify(validator.certifying, await decidedSubmission(validator, app)), {
    code: 'certify.authority-answer-wrong',
  })
  assert.equal((await validator.certifying.store.certificationOf(app.id))?.number, null)
  Object.assign(instance.authority, { issue })
  const [row] = await validator.certifying.store.unfinished()
  assert.ok(row)
  assert.equal((await certify(validator.certifying, row)).stage, 'certified')
})

test('certify.authority-answer-wrong: the instance offers no timestamps or no log at this time', () => {
  const config = {
    mediaType: SIGNING_CONFIG_MEDIA_TYPE,
    rekorTlogConfig: { selector: 'ANY' },
    tsaConfig: { selector: 'ANY' },
  }
  const anchors = { target: () => new TextEncoder().encode(JSON.stringify(config)) } as unknown as Anchors
  assert.throws(() => signingServices(anchors, { socketPath: 'nowhere' }, new Date()), {
    code: 'certify.authority-answer-wrong',
  })
})

test('certify.statements-too-large: an SBOM that no bundle holds fails the submission, before anything is issued', async () => {
  const components = 'x'.repeat(1_400_000)
  const writeBom = async () => Buffer.from(JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', components }))
  const row = await certify({ ...validator.certifying, writeBom }, await decidedSubmission(validator, app))
  assert.equal(row.stage, 'failed')
  assert.equal(JSON.parse(row.failure ?? '').code, 'certify.statements-too-large')
  assert.equal(instance.issued.size, 0)
})

test('certify.own-result-wrong: what does not verify is not handed out', async () => {
  const verify = async () => {
    throw certifyError('certify.own-result-wrong', 'it is wrong')
  }
  const row = await decidedSubmission(validator, app)
  await assert.rejects(certify({ ...validator.certifying, verify }, row), { code: 'certify.own-result-wrong' })
  assert.equal((await validator.certifying.store.certificationOf(app.id))?.state, 'pending')
  assert.deepEqual(
    instance.reports.map(({ report }) => report.state),
    ['decided'],
  )
})

test('the findings name the times of the scan, and those of the newest matching where advisories came in between', async () => {
  const { store } = validator.certifying
  const times = { startedAt: '2026-11-20T12:00:00.000Z', finishedAt: '2026-11-20T12:01:30.000Z' }
  const begin = async (id: string) => {
    await decidedSubmission(validator, { ...app, id })
    return store.changeSubmission(id, { scan: JSON.stringify(times) })
  }
  const scanOf = async (id: string) => {
    const [, , { payload }] = JSON.parse((await store.certificationOf(id))?.statements ?? '')
    return JSON.parse(Buffer.from(payload, 'base64').toString()).predicate.metadata
  }
  await certify(validator.certifying, await begin(app.id))
  assert.deepEqual(await scanOf(app.id), { scanStartedOn: times.startedAt, scanFinishedOn: times.finishedAt })
  const [id, since] = ['1'.repeat(32), new Date().toISOString()]
  const row = await begin(id)
  await validator.advisories.receive([testAdvisory('GHSA-0000-0000-0002', 'unrelated', '1.0.0')])
  await validator.settled()
  await certify(validator.certifying, row)
  const { scanStartedOn, scanFinishedOn } = await scanOf(id)
  assert.equal(scanStartedOn, times.startedAt)
  assert.ok(scanFinishedOn >= since, scanFinishedOn)
})
