import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseCrl, verifyCrl } from '@countersign/protocol/x509/crl.ts'
import { createRoots } from '../authority/createRoots.ts'
import { currentIssuer, currentIssuing, type Issuer } from '../authority/issuers.ts'
import { crlShard, newSerial, serialFromHex } from '../authority/serial.ts'
import { openTrustFixture, type TrustFixture } from '../trustFixture.ts'
import type { TrustTables } from '../trustTables.ts'
import { crlBlobKey, type KnownList, publishCrls, publishRootCrls } from './publishCrls.ts'
import { type Revocation, revokeCertificate } from './revokeCertificate.ts'
import { signCrl } from './signCrl.ts'

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'countersign-trust-'))
}

async function remove(fixture: TrustFixture): Promise<void> {
  await fixture.close()
  rmSync(fixture.folder, { recursive: true })
}

const DAY_MS = 86_400_000

let trust: TrustFixture
let issuers: Issuer[]
let identities: Issuer

before(async () => {
  trust = await openTrustFixture(newFolder())
  await createRoots(trust, trust.facts)
  issuers = await trust.issuers()
  identities = currentIssuing(issuers, 'identities')
})

after(() => remove(trust))

const known = new Map<string, KnownList>()

/** As a running process, or with empty `memory` as one that has just started. */
function publish(memory = known) {
  return publishCrls({ ...trust, issuers, known: memory }, trust.facts)
}

function revoke(revocation: Partial<Revocation> & Pick<Revocation, 'serial'>): Promise<void> {
  const distrusted = { kind: 'distrusted', from: trust.clock.now() } as const
  const whole = { issuerKeyId: identities.keyId, effect: distrusted, reason: 'keyCompromise', ...revocation } as const
  return trust.database.transaction<TrustTables, void>('test', (trx) =>
    revokeCertificate({ trx, outbox: trust.outbox, now: trust.clock.now() }, whole),
  )
}

async function listOf(serial: string, issuer = identities) {
  const der = await trust.blobs.get(crlBlobKey(issuer.keyId, crlShard(serialFromHex(serial), issuer.crlShards)))
  assert.ok(der)
  return parseCrl(der)
}

function serialInShard(shard: number): string {
  for (;;) {
    const serial = newSerial()
    if (crlShard(serial, identities.crlShards) === shard) return Buffer.from(serial).toString('hex')
  }
}

test('the first run publishes a list for every shard of every authority, each verifying and naming its own address', async () => {
  const expected = issuers.reduce((sum, issuer) => sum + issuer.crlShards, 0)
  assert.deepEqual(await publish(), { published: expected })
  for (const issuer of issuers) {
    for (let shard = 0; shard < issuer.crlShards; shard++) {
      const crl = parseCrl((await trust.blobs.get(crlBlobKey(issuer.keyId, shard))) as Uint8Array)
      verifyCrl(crl, issuer.certificate)
      assert.equal(crl.distributionPointUrl, `http://sign.example.test:8080/crl/${issuer.keyId}/${shard}.crl`)
      assert.equal(crl.number, BigInt(trust.clock.now().getTime()) * 1_000_000n)
      assert.ok(crl.nextUpdate.getTime() - crl.thisUpdate.getTime() <= 10 * DAY_MS)
    }
  }
})

test('the next run has nothing to do; half a day later everything is due', async () => {
  assert.deepEqual(await publish(), { published: 0 })
  assert.deepEqual(await publish(new Map()), { published: 0 })
  trust.clock.advance(DAY_MS / 2)
  assert.ok((await publish()).published > 90)
})

test('a revocation appears on the list of its shard alone, with both dates equal and the reason', async () => {
  const serial = Buffer.from(newSerial()).toString('hex')
  const from = new Date(trust.clock.now().getTime() - 5 * DAY_MS)
  trust.clock.advance(60_000)
  await revoke({ serial, effect: { kind: 'distrusted', from } })
  assert.deepEqual(await publish(), { published: 1 })
  assert.deepEqual(await publish(), { published: 0 })
  assert.deepEqual(await publish(new Map()), { published: 0 })
  const { entries } = await listOf(serial)
  const wholeSeconds = new Date(Math.floor(from.getTime() / 1000) * 1000)
  assert.equal(Buffer.from(entries[0]?.serial ?? []).toString('hex'), serial)
  assert.deepEqual(
    [entries[0]?.revocationDate, entries[0]?.invalidityDate, entries[0]?.reason],
    [wholeSeconds, wholeSeconds, 'keyCompromise'],
  )
})

test('what ended counts from the beginning of its certificate', async () => {
  const serial = Buffer.from(newSerial()).toString('hex')
  const notBefore = new Date('2026-02-01T00:00:00Z')
  trust.clock.advance(1000)
  await revoke({ serial, effect: { kind: 'ended', notBefore }, reason: 'unspecified' })
  await publish()
  const entry = (await listOf(serial)).entries.find((one) => Buffer.from(one.serial).toString('hex') === serial)
  assert.deepEqual([entry?.revocationDate, entry?.invalidityDate], [notBefore, notBefore])
})

test('a second revocation moves the date back and never forward', async () => {
  const serial = Buffer.from(newSerial()).toString('hex')
  const date = async () => {
    trust.clock.advance(1000)
    await publish()
    const { entries } = await listOf(serial)
    return entries.find((one) => Buffer.from(one.serial).toString('hex') === serial)?.revocationDate.toISOString()
  }
  await revoke({ serial, effect: { kind: 'distrusted', from: new Date('2026-02-10T00:00:00Z') } })
  assert.equal(await date(), '2026-02-10T00:00:00.000Z')
  await revoke({ serial, effect: { kind: 'distrusted', from: new Date('2026-02-20T00:00:00Z') } })
  assert.equal(await date(), '2026-02-10T00:00:00.000Z')
  await revoke({ serial, effect: { kind: 'distrusted', from: new Date('2026-02-05T00:00:00Z') } })
  assert.equal(await date(), '2026-02-05T00:00:00.000Z')
})

test('revocations of the unknown, the malformed and the future are refused', async () => {
  const serial = Buffer.from(newSerial()).toString('hex')
  await assert.rejects(revoke({ serial, issuerKeyId: '0'.repeat(64) }), { code: 'trust.issuer-unknown' })
  const signer = currentIssuer(await trust.certificates(), 'timestamp-signer')
  await assert.rejects(revoke({ serial, issuerKeyId: signer.keyId }), { code: 'trust.issuer-unknown' })
  for (const wrong of ['', '0', '00ff', 'FF', 'xy', 'ab'.repeat(21)]) {
    await assert.rejects(revoke({ serial: wrong }), { code: 'trust.serial-wrong' }, wrong)
  }
  const from = new Date(trust.clock.now().getTime() + 1000)
  await assert.rejects(revoke({ serial, effect: { kind: 'distrusted', from } }), { code: 'trust.date-in-future' })
})

test('a list that would forget an entry, or move its date forward, is not published', async () => {
  const serial = serialInShard(3)
  trust.clock.advance(1000)
  await revoke({ serial })
  await publish()
  const key = crlBlobKey(identities.keyId, 3)
  const published = await trust.blobs.get(key)
  trust.clock.advance(1000)
  await trust.database.transaction<TrustTables, void>('test', async (trx) => {
    await trx
      .updateTable('trust_revoked')
      .set({ revoked_from_ms: trust.clock.now().getTime() })
      .where('serial', '=', serial)
      .execute()
  })
  await assert.rejects(publish(new Map()), { code: 'trust.crl-lost-entry' })
  await trust.database.transaction<TrustTables, void>('test', async (trx) => {
    await trx.deleteFrom('trust_revoked').where('serial', '=', serial).execute()
  })
  await assert.rejects(publish(new Map()), { code: 'trust.crl-lost-entry', detail: { serial } })
  assert.deepEqual(await trust.blobs.get(key), published)
  await revoke({ serial, effect: { kind: 'distrusted', from: new Date('2026-02-01T00:00:00Z') } })
  await publish()
})

test('a list that is not newer than the published one is not published', async () => {
  const serial = serialInShard(4)
  await revoke({ serial })
  trust.clock.advance(1000)
  await publish()
  const now = trust.clock.now()
  trust.clock.setNow(new Date(now.getTime() - 60_000))
  await revoke({ serial: serialInShard(4) })
  await assert.rejects(publish(), { code: 'trust.crl-not-newer' })
  trust.clock.setNow(new Date(now.getTime() + 1000))
  await publish()
})

test('a list that does not read back as it was meant, or that its issuer did not sign, goes nowhere', async () => {
  const now = trust.clock.now()
  const next = {
    url: 'http://sign.example.test/crl/x/0.crl',
    scope: 'leaves',
    thisUpdate: now,
    nextUpdate: new Date(now.getTime() + DAY_MS),
  } as const
  const entry = { serial: newSerial(), revocationDate: now, invalidityDate: now, reason: 'unspecified' } as const
  const padded = { ...entry, serial: Uint8Array.of(0, ...entry.serial) }
  const malformed = signCrl({ ...next, issuer: identities, entries: [padded] }, undefined)
  await assert.rejects(malformed, { code: 'trust.crl-malformed' })
  const other = currentIssuing(issuers, 'servers')
  await assert.rejects(
    signCrl({ ...next, issuer: { certificate: identities.certificate, key: other.key }, entries: [] }, undefined),
    { code: /^x509\./ },
  )
})

test('a list that cannot be read stops the run instead of being replaced', async () => {
  const key = crlBlobKey(identities.keyId, 5)
  const published = (await trust.blobs.get(key)) as Uint8Array
  await trust.blobs.replace(key, published.subarray(0, 40), { point: 'test' })
  await assert.rejects(publish(new Map()), { code: 'x509.crl-malformed' })
  await trust.blobs.replace(key, published, { point: 'test' })
})

test('the lists of the roots are about authorities, count for a year, and can be signed again', async () => {
  await publishRootCrls(trust, trust.facts)
  trust.clock.advance(1000)
  await publishRootCrls(trust, trust.facts)
  const root = currentIssuer(await trust.certificates(), 'code-signing-root')
  const crl = parseCrl((await trust.blobs.get(crlBlobKey(root.keyId, 0))) as Uint8Array)
  verifyCrl(crl, root.certificate)
  assert.equal(crl.nextUpdate.getTime() - crl.thisUpdate.getTime(), 365 * DAY_MS)
})
