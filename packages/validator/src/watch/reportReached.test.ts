import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { certify } from '../certify/certify.ts'
import {
  decidedSubmission,
  openTestValidator,
  type TestInstance,
  type TestValidator,
  testAdvisory,
  testFolder,
  testInstance,
} from './validatorFixture.ts'

const app = { id: '0'.repeat(32), name: 'follow-redirects', version: '1.15.3' }
const GHSA = testAdvisory('GHSA-jchw-25xp-jwwc', app.name, '1.15.4', { aliases: ['CVE-2023-26159'] })
const CVE = testAdvisory('CVE-2023-26159', app.name, '1.15.4')

let remove: () => Promise<void>
let instance: TestInstance
let validator: TestValidator

beforeEach(async () => {
  let folder: string
  ;({ folder, remove } = await testFolder())
  instance = testInstance()
  validator = await openTestValidator(folder, instance)
  await validator.importWhole([testAdvisory('GHSA-0000-0000-0001', 'unrelated', '1.0.0')])
  await certify(validator.certifying, await decidedSubmission(validator, app))
})

afterEach(async () => {
  await validator.close()
  await remove()
})

async function receive(...records: readonly Uint8Array[]): Promise<void> {
  await validator.advisories.receive(records)
  await validator.settled()
}

/** What was told last of each advisory: which numbers it reaches, and under which name. */
function told(): Record<string, (readonly [string, string])[]> {
  return Object.fromEntries(
    instance.findings.map(({ advisory, reached }) => [
      advisory,
      reached.map(({ number, finding }) => [number, finding.advisory] as const),
    ]),
  )
}

const both = {
  'GHSA-jchw-25xp-jwwc': [['1', 'GHSA-jchw-25xp-jwwc']],
  'CVE-2023-26159': [['1', 'CVE-2023-26159']],
}

test('two records of one flaw in one change: each is told to reach what both reach, under its own name', async () => {
  await receive(GHSA, CVE)
  assert.deepEqual(told(), both)
})

test('a record that comes later, as another name of a flaw that is known, does not take away what was told', async () => {
  await receive(CVE)
  assert.deepEqual(told()['CVE-2023-26159'], both['CVE-2023-26159'])
  await receive(GHSA)
  assert.deepEqual(told()['CVE-2023-26159'], both['CVE-2023-26159'])
  const later = { modified: new Date(Date.now() + 1000).toISOString() }
  await receive(testAdvisory('CVE-2023-26159', app.name, '1.15.4', { ...later, summary: 'said better' }))
  assert.deepEqual(told()['CVE-2023-26159'], both['CVE-2023-26159'])
})

test('one that is withdrawn is told to reach nothing, and the other still reaches', async () => {
  await receive(GHSA, CVE)
  const withdrawn = new Date(Date.now() + 1000).toISOString()
  await receive(testAdvisory('CVE-2023-26159', app.name, '1.15.4', { withdrawn, modified: withdrawn }))
  assert.deepEqual(told()['GHSA-jchw-25xp-jwwc'], both['GHSA-jchw-25xp-jwwc'])
  await receive(
    testAdvisory('GHSA-jchw-25xp-jwwc', app.name, '1.15.4', {
      aliases: ['CVE-2023-26159'],
      withdrawn,
      modified: withdrawn,
    }),
  )
  assert.deepEqual(told()['GHSA-jchw-25xp-jwwc'], [])
})
