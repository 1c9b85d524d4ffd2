import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { enrol } from '@countersign/local/calls/est.ts'
import { parseTicket } from '@countersign/protocol/api/ticket.ts'
import { TEST_SPKI } from '@countersign/protocol/policy/policyFixture.ts'
import { parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import { enrolClient, type FleetClient, type FleetFixture, newClientKey, openFleetFixture } from './fleetFixture.ts'
import { addValidator, listValidators, removeValidator } from './validators.ts'

const base = 'https://sign.example.test:8443/validators'

let fixture: FleetFixture
before(async () => {
  fixture = await openFleetFixture(new Date())
  fixture.policy = { ...fixture.policy, validators: { required: 0, of: [] } }
})
after(() => fixture.close())

const add = (name: string, otherOperator = true) =>
  addValidator(fixture.fleet, 'operator', { name, validityHours: 24, otherOperator })
const remove = (name: string) => removeValidator(fixture.fleet, 'operator', name)
const named = () => fixture.policy.validators.of.map(({ name }) => name)

/** Enrols with the secret of a ticket that was handed out. */
async function enrolWith(name: string, ticket: string): Promise<Pick<FleetClient, 'certificatePem'>> {
  const secret = parseTicket(ticket).secret ?? ''
  const { url, deviceRootPem, fleet } = fixture
  return enrol({ url, deviceRootPem, name, secret, privateKey: newClientKey(), clock: fleet.clock })
}

function callerOf({ certificatePem }: Pick<FleetClient, 'certificatePem'>) {
  const [leaf] = parsePemCertificates(certificatePem)
  return fixture.fleet.callers.validatorOf({ clientCertificate: leaf?.raw })
}

test('a validator is let in by a ticket, named in the policy at once, and told by its operator', async () => {
  const { ticket } = await add('lab')
  assert.deepEqual(fixture.policy.validators, {
    required: 0,
    of: [{ name: 'lab', issuer: base, subject: `${base}/lab` }],
  })
  assert.deepEqual(await listValidators(fixture.fleet), [
    { name: 'lab', subject: `${base}/lab`, otherOperator: true, state: 'invited' },
  ])
  const { name, sameOperator } = callerOf(await enrolWith('lab', ticket))
  assert.deepEqual({ name, sameOperator }, { name: 'lab', sameOperator: false })
  await add('own', false)
  assert.deepEqual(
    (await listValidators(fixture.fleet)).map((one) => [one.name, one.otherOperator, one.state]),
    [
      ['lab', true, 'enrolled'],
      ['own', false, 'invited'],
    ],
  )
})

test('before its enrolment a validator is added again: one entry, and only the newest ticket counts', async () => {
  const first = await add('own', true)
  const second = await add('own', false)
  assert.deepEqual(named(), ['lab', 'own'])
  await assert.rejects(enrolWith('own', first.ticket), { code: 'fleet.ticket-unknown' })
  assert.equal(callerOf(await enrolWith('own', second.ticket)).sameOperator, true)
})

test('fleet.validator-exists: one that is enrolled is not let in again; policy and tickets stay', async () => {
  const before = fixture.policy
  await assert.rejects(add('lab'), { code: 'fleet.validator-exists' })
  assert.equal(fixture.policy, before)
})

test('the revoker key that the policy holds for a validator is shown by its key id', async () => {
  const { policy } = fixture
  const validator = { name: 'lab', authority: 'ab'.repeat(32) }
  const key = { name: 'lab', spki: TEST_SPKI, scopes: ['certifications' as const], validator }
  fixture.policy = { ...policy, revokers: { ...policy.revokers, keys: [key] } }
  const [lab, own] = await listValidators(fixture.fleet)
  assert.match(lab?.revokerKeyId ?? '', /^[0-9a-f]{64}$/)
  assert.equal(own?.revokerKeyId, undefined)
})

test('fleet.validator-needed: as many as the policy asks for stay; nothing is removed', async () => {
  const client = await add('spare').then(({ ticket }) => enrolWith('spare', ticket))
  const { validators } = fixture.policy
  fixture.policy = { ...fixture.policy, validators: { ...validators, required: 3 } }
  await assert.rejects(remove('spare'), { code: 'fleet.validator-needed' })
  assert.equal(callerOf(client).name, 'spare')
  assert.deepEqual(named(), ['lab', 'own', 'spare'])
  fixture.policy = { ...fixture.policy, validators: { ...validators, required: 2 } }
  await remove('spare')
  assert.deepEqual(named(), ['lab', 'own'])
})

test('fleet.validator-unknown: only what was let in is removed', async () => {
  await enrolClient(fixture, 'device')
  for (const name of ['stranger', 'device']) {
    await assert.rejects(remove(name), { code: 'fleet.validator-unknown' })
  }
})

test('a removed validator counts no more, keeps its revoker key in the policy, and its open ticket ends', async () => {
  fixture.policy = { ...fixture.policy, validators: { ...fixture.policy.validators, required: 1 } }
  const { ticket } = await add('open')
  await remove('open')
  await assert.rejects(enrolWith('open', ticket), { code: 'fleet.ticket-unknown' })
  const leaves = fixture.auditLog.leaves.length
  await remove('lab')
  assert.equal(fixture.auditLog.leaves.length, leaves + 2)
  assert.deepEqual(named(), ['own'])
  assert.deepEqual(
    fixture.policy.revokers.keys.map(({ name }) => name),
    ['lab'],
  )
  const [lab] = await listValidators(fixture.fleet)
  assert.deepEqual([lab?.name, lab?.state], ['lab', 'removed'])
})

test('a name that is let in again does not bring back the certificate that was removed with it', async () => {
  const before = await add('again').then(({ ticket }) => enrolWith('again', ticket))
  await remove('again')
  assert.throws(() => callerOf(before), { code: 'fleet.removed' })
  const { ticket } = await add('again')
  assert.throws(() => callerOf(before), { code: 'fleet.certificate-superseded' })
  const after = await enrolWith('again', ticket)
  assert.equal(callerOf(after).name, 'again')
  assert.throws(() => callerOf(before), { code: 'fleet.certificate-superseded' })
})
