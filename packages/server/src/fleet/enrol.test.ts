import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, test } from 'node:test'
import { enrol, renew } from '@countersign/local/calls/est.ts'
import { parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import { signCertificateRequest } from '@countersign/protocol/x509/csr.ts'
import { changeDevice } from './changeDevice.ts'
import { enrol as enrolHere, RENEWAL_GRACE_DAYS } from './enrol.ts'
import {
  enrolClient,
  type FleetClient,
  type FleetFixture,
  newClientKey,
  openFleetFixture,
  secretFor,
} from './fleetFixture.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let fixture: FleetFixture
before(async () => {
  fixture = await openFleetFixture(new Date())
})
after(() => fixture.close())

function ask(name: string, secret: string, privateKey = newClientKey()) {
  const { url, deviceRootPem, fleet } = fixture
  return enrol({ url, deviceRootPem, name, secret, privateKey, clock: fleet.clock })
}

function again(name: string, current: FleetClient, privateKey = newClientKey()) {
  const { url, deviceRootPem, fleet } = fixture
  return renew({ url, deviceRootPem, name, privateKey, current, clock: fleet.clock })
}

/** A request whose signature does not fit its last byte but one. */
function changed(request: Uint8Array): Uint8Array {
  const other = request.slice()
  other[other.length - 2] = (other.at(-2) as number) ^ 1
  return other
}

/** Whom a certificate stands for, as far as this instance goes. */
function callerOf({ certificatePem }: { readonly certificatePem: string }) {
  const [leaf] = parsePemCertificates(certificatePem)
  return fixture.fleet.callers.callerOf({ clientCertificate: leaf?.raw })
}

test('a ticket gives a client certificate for its device, which is admitted', async () => {
  const client = await enrolClient(fixture, 'front')
  const [leaf, issuing] = parsePemCertificates(client.certificatePem)
  assert.deepEqual(leaf?.subjectAltNames, [{ type: 'uri', value: 'https://sign.example.test:8443/devices/front' }])
  assert.equal(leaf?.crlUrls.length, 1)
  assert.match(leaf?.crlUrls[0] ?? '', /^http:\/\/sign\.example\.test:8080\/crl\/[0-9a-f]{64}\/\d+\.crl$/)
  assert.equal(issuing?.subjectText.includes('devices'), true)
  const { kind, name, isPending } = callerOf(client)
  assert.deepEqual({ kind, name, isPending }, { kind: 'devices', name: 'front', isPending: false })
})

test('the same secret with the same key again gives the same certificate, with another key it is refused', async () => {
  const secret = await secretFor(fixture.fleet, 'twice')
  const key = newClientKey()
  const first = await ask('twice', secret, key)
  assert.deepEqual(await ask('twice', secret, key), first)
  await assert.rejects(ask('twice', secret), { code: 'fleet.ticket-used' })
})

test('of two keys with one secret at the same time one wins', async () => {
  const secret = await secretFor(fixture.fleet, 'race')
  const outcomes = await Promise.allSettled([ask('race', secret), ask('race', secret)])
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
})

test('fleet.ticket-unknown: a wrong secret, another device’s ticket, an unknown device', async () => {
  const secret = await secretFor(fixture.fleet, 'owner')
  await secretFor(fixture.fleet, 'other')
  await assert.rejects(ask('owner', 'x'.repeat(43)), { code: 'fleet.ticket-unknown' })
  await assert.rejects(ask('other', secret), { code: 'fleet.ticket-unknown' })
  await assert.rejects(ask('stranger', secret), { code: 'fleet.ticket-unknown' })
})

test('fleet.secret-missing, fleet.request-malformed: nothing to prove the name by, nothing to certify', async () => {
  const { fleet } = fixture
  const secret = await secretFor(fleet, 'careless')
  const request = signCertificateRequest(newClientKey())
  const named = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  for (const header of [undefined, '', 'Bearer x', named('careless'), named(':x'), named('careless:')]) {
    await assert.rejects(enrolHere(fleet, header, request), { code: 'fleet.secret-missing' }, String(header))
  }
  const own = named(`careless:${secret}`)
  for (const body of [new Uint8Array(), Buffer.from('no base64!'), request.subarray(0, -1), changed(request)]) {
    await assert.rejects(enrolHere(fleet, own, body), { code: 'fleet.request-malformed' })
  }
  await enrolHere(fleet, own, request)
})

test('fleet.key-unsupported: a key that no verifier here reads', async () => {
  const { fleet } = fixture
  const header = `Basic ${Buffer.from(`odd:${await secretFor(fleet, 'odd')}`).toString('base64')}`
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const request = signCertificateRequest(privateKey)
  await assert.rejects(enrolHere(fleet, header, request), { code: 'fleet.key-unsupported' })
})

test('fleet.issuer-expiring: an authority that ends before the certificate would issues none', async () => {
  const { fleet } = fixture
  const header = `Basic ${Buffer.from(`late:${await secretFor(fleet, 'late')}`).toString('base64')}`
  const notAfter = new Date(fleet.clock.now().getTime() + 30 * DAY_MS)
  const certificate = Object.create(fleet.issuer.certificate, { notAfter: { value: notAfter } })
  const ending = { ...fleet, issuer: { ...fleet.issuer, certificate } }
  const request = signCertificateRequest(newClientKey())
  await assert.rejects(enrolHere(ending, header, request), { code: 'fleet.issuer-expiring' })
  await enrolHere(fleet, header, request)
})

test('fleet.device-unknown, fleet.device-state: only what waits or is let in is admitted', async () => {
  const { fleet } = fixture
  for (const change of [{ do: 'admit' }, { do: 'remove' }, { do: 'move', group: 'shop' }] as const) {
    await assert.rejects(changeDevice(fleet, 'operator', { ...change, device: 'nobody' }), {
      code: 'fleet.device-unknown',
    })
  }
  await secretFor(fleet, 'invited')
  const admit = { do: 'admit', device: 'invited' } as const
  await assert.rejects(changeDevice(fleet, 'operator', admit), { code: 'fleet.device-state' })
  await changeDevice(fleet, 'operator', { do: 'remove', device: 'invited' })
  await assert.rejects(changeDevice(fleet, 'operator', admit), { code: 'fleet.device-state' })
})

test('a newer ticket ends the open one before it', async () => {
  const secret = await secretFor(fixture.fleet, 'renewed')
  await secretFor(fixture.fleet, 'renewed')
  await assert.rejects(ask('renewed', secret), { code: 'fleet.ticket-unknown' })
})

test('who takes a known name over waits for the operator, and the one before counts no more', async () => {
  const before = await enrolClient(fixture, 'taken')
  const after = await enrolClient(fixture, 'taken')
  assert.throws(() => callerOf(before), { code: 'fleet.certificate-superseded' })
  assert.equal(callerOf(after).isPending, true)
})

test('validators and devices are not taken for each other', async () => {
  const validator = await enrolClient(fixture, 'same', 'validators')
  const device = await enrolClient(fixture, 'same')
  const request = ({ certificatePem }: FleetClient) => ({
    clientCertificate: parsePemCertificates(certificatePem)[0]?.raw,
  })
  const { callers } = fixture.fleet
  assert.equal(callers.validatorOf(request(validator)).name, 'same')
  assert.equal(callers.deviceOf(request(device)).name, 'same')
  assert.throws(() => callers.validatorOf(request(device)), { code: 'fleet.not-a-validator' })
  assert.throws(() => callers.deviceOf(request(validator)), { code: 'fleet.not-a-device' })
})

test('fleet.certificate-missing: nobody renews without a certificate', async () => {
  const { url, deviceRootPem, fleet } = fixture
  const stranger = { certificatePem: '', privateKeyPem: '' }
  const asking = renew({
    url,
    deviceRootPem,
    name: 'front',
    privateKey: newClientKey(),
    current: stranger,
    clock: fleet.clock,
  })
  await assert.rejects(asking, { code: 'fleet.certificate-missing' })
})

test('fleet.removed: nothing counts any more', async () => {
  const client = await enrolClient(fixture, 'gone')
  await changeDevice(fixture.fleet, 'operator', { do: 'remove', device: 'gone' })
  assert.throws(() => callerOf(client), { code: 'fleet.removed' })
  await assert.rejects(again('gone', client), { code: 'fleet.removed' })
})

test('a renewal keeps the name; the one before counts until its grace is over', async () => {
  const before = await enrolClient(fixture, 'side')
  const key = newClientKey()
  const next = await again('side', before, key)
  assert.deepEqual(await again('side', before, key), next)
  assert.equal(callerOf(next).name, 'side')
  assert.equal(callerOf(before).name, 'side')
  fixture.advance(RENEWAL_GRACE_DAYS * DAY_MS + 1000)
  assert.throws(() => callerOf(before), { code: 'fleet.certificate-superseded' })
  assert.equal(callerOf(next).name, 'side')
  await fixture.fleet.tidy()
  const revoked = await fixture.fleet.database
    .tables<{ trust_revoked: { serial: string } }>()
    .selectFrom('trust_revoked')
    .select('serial')
    .execute()
  const [leaf] = parsePemCertificates(before.certificatePem)
  assert.equal(
    revoked.some(({ serial }) => serial === leaf?.serialHex),
    true,
  )
})

test('fleet.ticket-expired: after its time', async () => {
  const secret = await secretFor(fixture.fleet, 'late')
  fixture.advance(25 * HOUR_MS)
  await assert.rejects(ask('late', secret), { code: 'fleet.ticket-expired' })
})

test('fleet.certificate-expired: after its time, also in a connection that is still open', async () => {
  const client = await enrolClient(fixture, 'old')
  fixture.advance(91 * DAY_MS)
  assert.throws(() => callerOf(client), { code: 'fleet.certificate-expired' })
})
