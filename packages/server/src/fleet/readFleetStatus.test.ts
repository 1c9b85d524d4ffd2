import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ValidatorStatus } from '@countersign/protocol/api/artifacts.ts'
import { putValidatorStatus } from '../artifacts/validatorStatus.ts'
import type { TrustTables } from '../trust/trustTables.ts'
import { changeDevice } from './changeDevice.ts'
import { enrolClient, type FleetFixture, openFleetFixture } from './fleetFixture.ts'
import { readFleetStatus, validatorProtections } from './readFleetStatus.ts'
import { addValidator, removeValidator } from './validators.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

const told: ValidatorStatus = {
  version: '0.1.0',
  advisories: { asOf: '2026-11-20T06:00:00Z', records: 5, sample: false, state: 3 },
  ecosystems: [],
  protections: [{ name: 'user namespace', active: true, detail: 'unshare' }],
  attention: [],
}

let fixture: FleetFixture
before(async () => {
  fixture = await openFleetFixture(new Date())
  fixture.policy = { ...fixture.policy, silence: { bound: '1h', groups: [{ group: 'slow', bound: '3d' }] } }
})
after(() => fixture.close())

const codes = async () => (await readFleetStatus(fixture.fleet)).attention.map(({ code }) => code)
const words = async () => (await readFleetStatus(fixture.fleet)).attention.map(({ message }) => message)
const say = (name: string, changes: Partial<ValidatorStatus> = {}) =>
  putValidatorStatus(fixture.fleet, name, { ...told, ...changes })

test('an instance without devices and validators needs nobody', async () => {
  assert.deepEqual(await readFleetStatus(fixture.fleet), {
    validators: [],
    devices: { admitted: 0, pending: 0, silent: 0 },
    attention: [],
  })
})

test('a validator is shown from its invitation on, with what it said last; only an enrolled one can be silent', async () => {
  await addValidator(fixture.fleet, 'operator', { name: 'lab', validityHours: 24, otherOperator: true })
  const invited = { name: 'lab', otherOperator: true, state: 'invited' }
  assert.deepEqual((await readFleetStatus(fixture.fleet)).validators, [invited])
  assert.deepEqual(await codes(), [])
  await enrolClient(fixture, 'lab', 'validators')
  assert.deepEqual(await codes(), ['status.validator-silent'])
  await say('lab')
  assert.deepEqual(await codes(), [])
  const { version, advisories } = told
  const [shown] = (await readFleetStatus(fixture.fleet)).validators
  assert.deepEqual(shown, {
    ...invited,
    state: 'enrolled',
    toldAt: fixture.fleet.clock.now().toISOString(),
    version,
    advisories,
  })
  assert.deepEqual(await validatorProtections(fixture.fleet), [
    { name: 'lab: user namespace', active: true, detail: 'unshare' },
  ])
})

test('status.validator-silent: five minutes without a word, with the time of the last one', async () => {
  const last = fixture.fleet.clock.now().toISOString()
  fixture.advance(5 * MINUTE_MS)
  assert.deepEqual(await codes(), [])
  fixture.advance(1)
  assert.deepEqual(await codes(), ['status.validator-silent'])
  assert.ok((await words())[0]?.includes(`the validator lab has said nothing since ${last}`))
})

test('status.no-advisories: nothing will be certified, said once whoever says it', async () => {
  const advisories = { records: 0, sample: false, state: 0 }
  await say('lab', { advisories })
  assert.deepEqual(await codes(), ['status.no-advisories'])
  assert.match((await words())[0] ?? '', /the validator lab: no advisory data: nothing will be certified/)
  const attention = [{ code: 'advisories.none', message: 'no advisory data: nothing will be certified' }]
  await say('lab', { advisories, attention })
  assert.deepEqual(await codes(), ['advisories.none'])
  await say('lab', { attention: [{ code: 'advisories.held', message: 'a feed shrank' }] })
  assert.deepEqual(await words(), ['the validator lab: a feed shrank'])
  await say('lab')
})

test('devices are counted: admitted, waiting, silent; the removed ones are nobody’s business', async () => {
  for (const name of ['front', 'side', 'gone', 'taken']) await enrolClient(fixture, name)
  await enrolClient(fixture, 'taken')
  await changeDevice(fixture.fleet, 'operator', { do: 'remove', device: 'gone' })
  await changeDevice(fixture.fleet, 'operator', { do: 'move', device: 'side', group: 'slow' })
  const { devices } = await readFleetStatus(fixture.fleet)
  assert.deepEqual(devices, { admitted: 2, pending: 1, silent: 0 })
  assert.deepEqual(await codes(), ['fleet.pending'])
  fixture.advance(HOUR_MS + 1)
  await say('lab')
  assert.deepEqual(await codes(), ['fleet.silent', 'fleet.pending'])
  assert.match((await words())[0] ?? '', /^front was last heard of at /)
  fixture.advance(3 * 24 * HOUR_MS)
  await say('lab')
  assert.deepEqual((await readFleetStatus(fixture.fleet)).devices, { admitted: 2, pending: 1, silent: 2 })
})

test('a revocation that a device has not acknowledged within its bound is named; a new device gets its time', async () => {
  const { database, clock } = fixture.fleet
  await changeDevice(fixture.fleet, 'operator', { do: 'move', device: 'side', group: 'default' })
  await database.transaction<TrustTables, void>('test', async (trx) => {
    const row = { payload_hash: '5a'.repeat(32), kind: 'record', blocked: null, reach: '{}', log_index: 4 }
    await trx
      .insertInto('trust_revocations')
      .values({ ...row, leaf: new Uint8Array(1), written_ms: clock.now().getTime() - HOUR_MS - 1 })
      .execute()
  })
  await enrolClient(fixture, 'fresh')
  const silent = (await words()).filter((message) => message.includes('has not acknowledged revocation 4 of'))
  assert.deepEqual(
    silent.map((message) => message.split(' ')[0]),
    ['front', 'side'],
  )
})

test('a removed validator is shown as removed, and needs nobody', async () => {
  fixture.policy = { ...fixture.policy, validators: { ...fixture.policy.validators, required: 0 } }
  await removeValidator(fixture.fleet, 'operator', 'lab')
  fixture.advance(HOUR_MS)
  const { validators, attention } = await readFleetStatus(fixture.fleet)
  assert.deepEqual(
    validators.map(({ name, state }) => [name, state]),
    [['lab', 'removed']],
  )
  assert.deepEqual(
    attention.filter(({ code }) => code.startsWith('status.')),
    [],
  )
})
