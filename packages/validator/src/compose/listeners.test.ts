import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { HttpServer } from '@countersign/platform/http/server.ts'
import { defaultCertificationPolicy } from '@countersign/protocol/policy/certificationPolicy.ts'
import { certify } from '../certify/certify.ts'
import { ADMIN_SOCKET, callValidator } from '../main/callValidator.ts'
import { decide } from '../main/submissions.ts'
import {
  decidedSubmission,
  openTestValidator,
  type TestValidator,
  testAdvisory,
  testFolder,
  testInstance,
} from '../watch/validatorFixture.ts'
import { listSubmissionsRoute } from './adminRoutes.ts'
import { createAdmin, type ListenerDeps } from './listeners.ts'
import type { Validator } from './openValidator.ts'

const id = '0'.repeat(32)

let data: string
let remove: () => Promise<void>
let validator: TestValidator
let admin: HttpServer

before(async () => {
  ;({ folder: data, remove } = await testFolder())
  validator = await openTestValidator(data, testInstance())
  await validator.importWhole([testAdvisory('GHSA-left', 'left', '2.0.0')])
  const { findings } = defaultCertificationPolicy()
  const policy = { ...defaultCertificationPolicy(), findings: { ...findings, high: 'ask' as const } }
  const certifying = { ...validator.certifying, policy: () => ({ policy, sha256: 'c'.repeat(64) }) }
  const row = await decidedSubmission({ ...validator, certifying }, { id, name: 'left', version: '1.0.0' })
  await certify(certifying, row)
  const parts = { certifying, store: certifying.store, advisories: validator.advisories } as unknown as Validator
  const broken = (error: unknown) => assert.fail(String(error))
  admin = createAdmin(parts, { logger: certifying.logger, broken } as unknown as ListenerDeps)
  await admin.listen({ path: join(data, ADMIN_SOCKET) })
})

after(async () => {
  await admin.close()
  await validator.close()
  await remove()
})

test('validator.answer-invalid: a submission is decided by one of two words', async () => {
  await assert.rejects(decide(id, 'maybe', { data, why: 'x' }), { code: 'validator.answer-invalid' })
})

test('validator.not-running: nobody answers in this folder', async () => {
  const nowhere = { data: join(data, 'nowhere'), why: 'x' }
  await assert.rejects(decide(id, 'certify', nowhere), { code: 'validator.not-running' })
})

test('an operator decides over the local socket, under a name and with a reason that are listed from then on', async () => {
  const listed = async () => (await callValidator(data, listSubmissionsRoute)).submissions[0]
  assert.equal((await listed())?.stage, 'asked')
  await assert.rejects(decide(id, 'certify', { data, why: '' }), { code: /^(?:http|calls|api)\./ })
  await decide(id, 'certify', { data, why: 'looked at it', by: 'anna', json: true })
  const { stage, operator, reasons } = (await listed()) ?? {}
  assert.deepEqual([stage, operator?.does, operator?.by, operator?.why], ['decided', 'certify', 'anna', 'looked at it'])
  assert.equal(reasons?.[0], 'anna decided: looked at it')
  await assert.rejects(decide(id, 'refuse', { data, why: 'x' }), { code: 'certify.not-asked' })
})
