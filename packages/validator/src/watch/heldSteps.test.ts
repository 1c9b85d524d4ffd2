import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { certify } from '../certify/certify.ts'
import {
  decidedSubmission,
  openTestValidator,
  type Step,
  type TestInstance,
  type TestValidator,
  testAdvisory,
  testFolder,
  testInstance,
} from './validatorFixture.ts'

const UNRELATED = testAdvisory('GHSA-0000-0000-0001', 'left-pad', '1.0.0')
const REACHING = testAdvisory('GHSA-jchw-25xp-jwwc', 'follow-redirects', '1.15.4', { aliases: ['CVE-2023-26159'] })
const id = '0'.repeat(32)
const app = { id, name: 'follow-redirects', version: '1.15.3' }

let folder: string
let remove: () => Promise<void>
let instance: TestInstance
let validator: TestValidator

beforeEach(async () => {
  ;({ folder, remove } = await testFolder())
  instance = testInstance()
  validator = await openTestValidator(folder, instance)
  await validator.importWhole([UNRELATED])
})

afterEach(async () => {
  await validator.close()
  await remove()
})

async function noActiveCertification(): Promise<void> {
  await validator.settled()
  const { certifications } = await validator.certifying.store.counts()
  assert.equal((certifications.active ?? 0) + (certifications.pending ?? 0), 0)
  for (const number of instance.issued.values()) assert.ok(instance.ended.has(number), `number ${number} stands`)
}

test('without an advisory in between, a clean submission is certified and told', async () => {
  const row = await certify(validator.certifying, await decidedSubmission(validator, app))
  assert.equal(row.stage, 'certified')
  assert.equal((await validator.certifying.store.certificationOf(id))?.state, 'active')
  assert.deepEqual(
    instance.reports.map(({ report }) => report.state),
    ['decided', 'certified'],
  )
  assert.deepEqual([...instance.ended], [])
})

test('an advisory between verdict and intent: matched again, refused, no number', async () => {
  const decided = await decidedSubmission(validator, app)
  await validator.advisories.receive([REACHING])
  const row = await certify(validator.certifying, decided)
  assert.equal(row.stage, 'refused')
  assert.equal(instance.issued.size, 0)
  const told = instance.reports.find(({ report }) => report.state === 'decided')?.report
  assert.equal(told?.state === 'decided' && told.verdict.answer, 'affected')
  await noActiveCertification()
})

const steps: readonly (readonly [Step, 'before' | 'after', number])[] = [
  ['report', 'before', 1],
  ['report', 'after', 1],
  ['issue', 'before', 1],
  ['issue', 'after', 1],
  ['stamp', 'before', 1],
  ['stamp', 'after', 3],
  ['log', 'before', 1],
  ['log', 'after', 3],
  ['report', 'before', 2],
  ['report', 'after', 2],
]

for (const [step, when, count] of steps) {
  test(`an advisory ${when} ${step} ${count}: no active certification, every number revoked`, async () => {
    deliverAt(step, when, count)
    await certify(validator.certifying, await decidedSubmission(validator, app))
    await noActiveCertification()
  })

  test(`the same, and the process ends right there: the restart leaves none either`, async () => {
    const row = await decidedSubmission(validator, app)
    deliverAt(step, when, count, () => {
      throw new Error('the process ends here')
    })
    await assert.rejects(certify(validator.certifying, row), { message: 'the process ends here' })
    await validator.close()
    instance.hold = async () => {}
    validator = await openTestValidator(folder, instance)
    for (const unfinished of await validator.certifying.store.unfinished()) {
      await certify(validator.certifying, unfinished)
    }
    await noActiveCertification()
  })
}

for (const [step, when, count] of steps) {
  test(`a process that ends ${when} ${step} ${count} goes on with the same bytes`, async () => {
    const row = await decidedSubmission(validator, app)
    instance.hold = holdAt(step, when, count, async () => {
      throw new Error('the process ends here')
    })
    await assert.rejects(certify(validator.certifying, row), { message: 'the process ends here' })
    const before = await validator.certifying.store.certificationOf(id)
    await validator.close()
    instance.hold = async () => {}
    validator = await openTestValidator(folder, instance)
    const [unfinished] = await validator.certifying.store.unfinished()
    assert.ok(unfinished)
    assert.equal((await certify(validator.certifying, unfinished)).stage, 'certified')
    const after = await validator.certifying.store.certificationOf(id)
    assert.equal(after?.statements, before?.statements)
    assert.equal(instance.issued.size, 1)
    // An advisory that comes now finds the certification in the index that was rebuilt.
    await validator.advisories.receive([REACHING])
    await noActiveCertification()
  })
}

test('an advisory at any moment of the way: no active certification', async () => {
  for (let turns = 0; turns < 24; turns += 2) {
    const other = { ...app, id: turns.toString(16).padStart(32, '0') }
    const advisory = testAdvisory(`GHSA-turn-${turns}`, 'follow-redirects', '1.15.4')
    const decided = await decidedSubmission(validator, other)
    const running = certify(validator.certifying, decided)
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
    await validator.advisories.receive([advisory])
    await running
    await noActiveCertification()
    const gone = new Date(Date.now() + 1000 + turns).toISOString()
    await validator.advisories.receive([
      testAdvisory(`GHSA-turn-${turns}`, 'follow-redirects', '1.15.4', { modified: gone, withdrawn: gone }),
    ])
    await validator.settled()
  }
})

test('an active certification ends, another that the advisory does not reach stays', async () => {
  const other = { id: '1'.repeat(32), name: 'follow-redirects', version: '1.16.0' }
  await certify(validator.certifying, await decidedSubmission(validator, app))
  await certify(validator.certifying, await decidedSubmission(validator, other))
  await validator.advisories.receive([REACHING])
  await noReached(['1'])
  assert.equal((await validator.certifying.store.certificationOf(other.id))?.state, 'active')
  const [told] = instance.findings
  assert.equal(told?.advisory, 'GHSA-jchw-25xp-jwwc')
  assert.deepEqual(told?.aliases, ['CVE-2023-26159'])
  assert.deepEqual(
    told?.reached.map(({ number, finding }) => [number, finding.component, finding.fixed]),
    [['1', 'pkg:npm/follow-redirects@1.15.3', ['1.15.4']]],
  )
})

test('what would end above the reach limit is told as waiting, not as ended', async () => {
  const { addRevocation } = instance.authority
  Object.assign(instance.authority, {
    addRevocation: async (...signed: Parameters<typeof addRevocation>) => ({
      ...(await addRevocation(...signed)),
      state: 'waiting',
      request: 'a'.repeat(32),
    }),
  })
  await certify(validator.certifying, await decidedSubmission(validator, app))
  await validator.advisories.receive([REACHING])
  const { state } = validator.advisories.state()
  const told = await validator.watch.followed.until(state, AbortSignal.timeout(5000))
  assert.deepEqual(told, { ended: [], waiting: ['1'] })
})

test('that a flaw is known to be exploited is told with the record that ends what it reaches', async () => {
  const { addRevocation } = instance.authority
  const told: (boolean | undefined)[] = []
  Object.assign(instance.authority, {
    addRevocation: (signed: Parameters<typeof addRevocation>[0]) => {
      told.push(signed.knownExploited)
      return addRevocation(signed)
    },
  })
  const file = join(folder, 'kev.json')
  const vulnerabilities = [{ cveID: 'CVE-2023-26159' }]
  const catalogue = { catalogVersion: '1', dateReleased: '2026-01-09T12:00:00Z', count: 1, vulnerabilities }
  await writeFile(file, JSON.stringify(catalogue))
  await certify(validator.certifying, await decidedSubmission(validator, app))
  await validator.advisories.importFrom(file)
  await validator.advisories.receive([REACHING])
  await noReached(['1'])
  const other = { id: '1'.repeat(32), name: 'other', version: '1.0.0' }
  await certify(validator.certifying, await decidedSubmission(validator, other))
  await validator.advisories.receive([testAdvisory('GHSA-other', 'other', '2.0.0')])
  await noReached(['1', '2'])
  assert.deepEqual(told, [true, false])
})

test('a withdrawn advisory lifts nothing, and its findings are told to be gone', async () => {
  await certify(validator.certifying, await decidedSubmission(validator, app))
  await validator.advisories.receive([REACHING])
  await validator.settled()
  const withdrawn = new Date(Date.now() + 1000).toISOString()
  const again = testAdvisory('GHSA-jchw-25xp-jwwc', 'follow-redirects', '1.15.4', { withdrawn, modified: withdrawn })
  await validator.advisories.receive([again])
  await validator.settled()
  assert.equal((await validator.certifying.store.certificationOf(id))?.state, 'ended')
  assert.deepEqual(instance.findings.at(-1)?.reached, [])
})

test('a record that cannot be logged now is logged later with the same bytes', async () => {
  await certify(validator.certifying, await decidedSubmission(validator, app))
  let failures = 0
  instance.hold = async (step, when) => {
    if (step === 'addRevocation' && when === 'before' && failures++ === 0) throw new Error('away')
  }
  await validator.advisories.receive([REACHING])
  await noActiveCertification()
  assert.equal(failures, 2)
})

function deliverAt(step: Step, when: 'before' | 'after', count: number, then = () => {}): void {
  instance.hold = holdAt(step, when, count, async () => {
    await validator.advisories.receive([REACHING])
    await waitUntilLookedUp()
    then()
  })
}

/** The handler may itself wait for the instance, so only the part that decides is waited for. */
async function waitUntilLookedUp(): Promise<void> {
  const { state } = validator.advisories.state()
  for (let tries = 0; validator.certifying.index.lookedUp < state; tries++) {
    assert.ok(tries < 1000, 'the change was never looked up')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await validator.certifying.database.settled()
}

function holdAt(step: Step, when: 'before' | 'after', count: number, work: () => Promise<void>): TestInstance['hold'] {
  let seen = 0
  return async (atStep, atWhen) => {
    if (atStep === step && atWhen === when && ++seen === count) await work()
  }
}

async function noReached(numbers: readonly string[]): Promise<void> {
  await validator.settled()
  assert.deepEqual([...instance.ended], numbers)
}
