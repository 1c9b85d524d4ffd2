import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { defaultCertificationPolicy } from '@countersign/protocol/policy/certificationPolicy.ts'
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
import type { CertifyDeps } from './certifyDeps.ts'
import type { StoredSubmission } from './certifyStore.ts'
import { decideAsked } from './decideAsked.ts'
import { startWork } from './work.ts'

const MEDIUM = { database_specific: { severity: 'MODERATE' } }
const KNOWN = testAdvisory('GHSA-jchw-25xp-jwwc', 'follow-redirects', '1.15.4', MEDIUM)
const id = '0'.repeat(32)
const app = { id, name: 'follow-redirects', version: '1.15.3' }
const yes = { does: 'certify', by: 'anna', why: 'the path is not reached' } as const

let folder: string
let remove: () => Promise<void>
let instance: TestInstance
let validator: TestValidator

beforeEach(async () => {
  ;({ folder, remove } = await testFolder())
  instance = testInstance()
  validator = await openTestValidator(folder, instance)
  await validator.importWhole([KNOWN])
})

afterEach(async () => {
  await validator.close()
  await remove()
})

/** A validator whose policy asks about findings of medium severity. */
function asking(): CertifyDeps {
  const { findings } = defaultCertificationPolicy()
  const policy = { ...defaultCertificationPolicy(), findings: { ...findings, medium: 'ask' as const } }
  return { ...validator.certifying, policy: () => ({ policy, sha256: 'c'.repeat(64) }) }
}

/** A submission that the policy asks about, told as such. */
async function asked(): Promise<StoredSubmission> {
  const row = await certify(asking(), await decidedSubmission({ ...validator, certifying: asking() }, app))
  assert.deepEqual([row.stage, row.told], ['asked', 1])
  return row
}

/** Lets the validator work, on an instance that hands nothing over, until the instance was told that it is certified. */
async function workUntilCertified(): Promise<void> {
  const listWork = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    return []
  }
  const work = startWork({ ...asking(), authority: { ...instance.authority, listWork } })
  try {
    for (let tries = 0; !states().includes('certified'); tries++) {
      assert.ok(tries < 1000, 'it was never certified')
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  } finally {
    await work.stop()
  }
}

const states = () => instance.reports.map(({ report }) => report.state)
const news = (name: string, more: object) => testAdvisory(`GHSA-news-${name}`, name, '99.0.0', more)

/** Lets the work that is not at its end go on as after a restart. */
async function goOn(): Promise<StoredSubmission | undefined> {
  for (const row of await validator.certifying.store.unfinished()) await certify(asking(), row)
  return validator.certifying.store.submission(id)
}

test('a submission that the policy asks about waits, is told as asked, and is not certified by itself', async () => {
  await asked()
  assert.deepEqual(states(), ['asked'])
  assert.deepEqual(await validator.certifying.store.unfinished(), [])
  assert.equal(instance.issued.size, 0)
})

test('certify: recorded with who, when, why and over what; the certification lists it', async () => {
  await asked()
  const before = validator.advisories.state().state
  await decideAsked(asking(), id, yes)
  const row = await goOn()
  assert.equal(row?.stage, 'certified')
  const operator = JSON.parse(row?.operator ?? '')
  assert.deepEqual(
    { ...operator, at: typeof operator.at },
    {
      ...yes,
      at: 'string',
      state: before,
      asked: [`GHSA-jchw-25xp-jwwc (severity medium) in pkg:npm/follow-redirects@1.15.3`],
    },
  )
  const told = instance.reports.find(({ report }) => report.state === 'decided')?.report
  assert.equal(told?.state === 'decided' && told.decision.answer, 'certify with exceptions')
  assert.deepEqual(states(), ['asked', 'decided', 'certified'])
  const [{ payload }] = JSON.parse((await validator.certifying.store.certificationOf(id))?.statements ?? '')
  assert.match(Buffer.from(payload, 'base64').toString(), /severity medium; anna decided: the path is not reached/)
})

test('refuse: nothing is certified, and the submitter is told the reason', async () => {
  await asked()
  await decideAsked(asking(), id, { does: 'refuse', by: 'anna', why: 'update it' })
  assert.equal((await goOn())?.stage, 'refused')
  assert.deepEqual(states(), ['asked', 'decided', 'refused'])
  const told = instance.reports[1]?.report
  assert.equal(told?.state === 'decided' && told.decision.reasons[0], 'anna decided: update it')
  assert.equal(instance.issued.size, 0)
})

test('certify.asked-anew: advisories that came since the verdict are not decided with it', async () => {
  await asked()
  await validator.advisories.receive([news('follow-redirects', MEDIUM)])
  await assert.rejects(decideAsked(asking(), id, yes), { code: 'certify.asked-anew' })
  const row = await validator.certifying.store.submission(id)
  assert.deepEqual([row?.stage, row?.operator], ['asked', null])
  assert.equal((await decideAsked(asking(), id, yes)).stage, 'decided')
})

test('what moved on without touching it is matched again and certified', async () => {
  await asked()
  await validator.advisories.receive([news('something-else', {})])
  const row = await decideAsked(asking(), id, yes)
  assert.equal(JSON.parse(row.verdict ?? '').advisories.state, validator.advisories.state().state)
  await validator.settled()
  assert.equal((await goOn())?.stage, 'certified')
})

test('a finding that the policy refuses meanwhile refuses, whatever the operator says', async () => {
  await asked()
  await validator.advisories.receive([news('follow-redirects', { database_specific: { severity: 'HIGH' } })])
  assert.equal((await decideAsked(asking(), id, yes)).stage, 'refused')
})

test('the same finding, worse now and still asked about, is asked about anew, also after the decision', async () => {
  await asked()
  const worse = { database_specific: { severity: 'HIGH' }, modified: new Date(Date.now() + 1000).toISOString() }
  const { findings } = defaultCertificationPolicy()
  const policy = {
    ...defaultCertificationPolicy(),
    findings: { ...findings, medium: 'ask' as const, high: 'ask' as const },
  }
  const all = { ...asking(), policy: () => ({ policy, sha256: 'c'.repeat(64) }) }
  await decideAsked(all, id, yes)
  await validator.advisories.receive([testAdvisory('GHSA-jchw-25xp-jwwc', 'follow-redirects', '1.15.4', worse)])
  await validator.settled()
  for (const row of await validator.certifying.store.unfinished()) await certify(all, row)
  assert.equal((await validator.certifying.store.submission(id))?.stage, 'asked')
  assert.equal(instance.issued.size, 0)
})

test('certify.unknown, certify.not-asked', async () => {
  await assert.rejects(decideAsked(asking(), 'x', yes), { code: 'certify.unknown' })
  await asked()
  await decideAsked(asking(), id, yes)
  await assert.rejects(decideAsked(asking(), id, yes), { code: 'certify.not-asked' })
})

test('of two who decide at once only one does', async () => {
  await asked()
  const refuse = { does: 'refuse', by: 'ben', why: 'update it' } as const
  const outcomes = await Promise.allSettled([yes, refuse].map((answer) => decideAsked(asking(), id, answer)))
  const rejected = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))
  assert.deepEqual(rejected, ['certify.not-asked'])
  const { by } = JSON.parse((await validator.certifying.store.submission(id))?.operator ?? '')
  assert.equal(by, outcomes[0]?.status === 'fulfilled' ? 'anna' : 'ben')
})

test('the process ends after the decision, and before the instance was told: the next one certifies', async () => {
  await asked()
  await decideAsked(asking(), id, yes)
  await validator.close()
  validator = await openTestValidator(folder, instance)
  await workUntilCertified()
  assert.equal((await validator.certifying.store.certificationOf(id))?.state, 'active')
})

test('an instance that is away right after the intent: the next try goes on from there, and nothing is intended twice', async () => {
  await asked()
  await decideAsked(asking(), id, yes)
  let isAway = true
  instance.hold = async (step, when) => {
    if (!isAway || step !== 'report' || when !== 'before') return
    isAway = false
    throw new Error('the instance is away')
  }
  await workUntilCertified()
  assert.equal(instance.issued.size, 1)
  assert.deepEqual(states(), ['asked', 'decided', 'certified'])
})
