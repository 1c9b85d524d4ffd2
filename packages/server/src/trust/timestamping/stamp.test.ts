import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { writeTimestampRequest } from '@countersign/protocol/timestamp/request.ts'
import { verifyTimestamp } from '@countersign/protocol/timestamp/verifyTimestamp.ts'
import { parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import { createRoots } from '../authority/createRoots.ts'
import { currentIssuer, openIssuer } from '../authority/issuers.ts'
import { openTrustFixture, type TrustFixture } from '../trustFixture.ts'
import { readTimestampRequest, stamp, TIMESTAMP_QUERY, type TimestampAuthority, timestampChainPem } from './stamp.ts'
import { openTimeFloor } from './timeFloor.ts'

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'countersign-trust-'))
}

async function remove(fixture: TrustFixture): Promise<void> {
  await fixture.close()
  rmSync(fixture.folder, { recursive: true })
}

let trust: TrustFixture
let authority: TimestampAuthority

const message = new TextEncoder().encode('a signature')
const digest = new Uint8Array(createHash('sha256').update(message).digest())
const query = { hash: 'sha256', digest, certReq: false } as const

before(async () => {
  trust = await openTrustFixture(newFolder())
  await createRoots(trust, trust.facts)
  authority = await openAuthority()
})

after(() => remove(trust))

async function openAuthority(): Promise<TimestampAuthority> {
  const signer = await openIssuer(currentIssuer(await trust.certificates(), 'timestamp-signer'), trust.onlineKeys)
  return { signer, floor: await openTimeFloor(trust) }
}

function verify(response: Uint8Array) {
  return verifyTimestamp(response, message, [{ chain: [...authority.signer.chain] }])
}

test('a DER request and a JSON request for the same digest get timestamps that verify', async () => {
  const der = readTimestampRequest(writeTimestampRequest({ ...query, nonce: 77n, certReq: true }), TIMESTAMP_QUERY)
  const json = { artifactHash: Buffer.from(digest).toString('base64'), hashAlgorithm: 'sha256', nonce: 78 }
  const fromJson = readTimestampRequest(Buffer.from(JSON.stringify(json)), 'application/json')
  const first = verify(await stamp(authority, der))
  const second = verify(await stamp(authority, fromJson))
  assert.equal(first.nonce, 77n)
  assert.equal(second.nonce, 78n)
  assert.equal(first.policy, '1.3.6.1.4.1.57264.2')
  assert.equal(first.time.toISOString(), '2026-03-01T12:00:00.000Z')
})

test('the chain is PEM, signer first and root last', () => {
  const chain = parsePemCertificates(timestampChainPem(authority))
  assert.deepEqual(
    chain.map(({ keyId }) => keyId),
    authority.signer.chain.map(({ keyId }) => keyId),
  )
  assert.equal(chain[0]?.keyId, authority.signer.keyId)
})

test('ten thousand timestamps have ten thousand serial numbers, each positive and of 20 bytes', async () => {
  const serials = new Set<string>()
  for (let i = 0; i < 10_000; i++) {
    const response = await stamp(authority, query)
    if (i % 1000 === 0) verify(response)
    serials.add(serialOf(response))
  }
  assert.equal(serials.size, 10_000)
  for (const serial of serials) assert.match(serial, /^[4-7][0-9a-f]{39}$/)
})

/** The serial stands behind the digest in TSTInfo; found by its length, independently of our reader. */
function serialOf(response: Uint8Array): string {
  const hex = Buffer.from(response).toString('hex')
  const at = hex.indexOf(`0420${Buffer.from(digest).toString('hex')}0214`)
  assert.ok(at > 0)
  return hex.slice(at + 4 + 64 + 4, at + 4 + 64 + 4 + 40)
}

test('another policy than ours is refused', async () => {
  await assert.rejects(stamp(authority, { ...query, policy: '1.2.3' }), { code: 'timestamp.unaccepted-policy' })
})

test('nothing is stamped while the clock is more than a second behind the last timestamp', async () => {
  const now = trust.clock.now()
  await stamp(authority, query)
  trust.clock.setNow(new Date(now.getTime() - 900))
  assert.equal(verify(await stamp(authority, query)).time.getTime(), Math.floor(now.getTime() / 1000) * 1000)
  trust.clock.setNow(new Date(now.getTime() - 1100))
  await assert.rejects(stamp(authority, query), { code: 'trust.clock-unsound' })
  trust.clock.setNow(now)
  await stamp(authority, query)
})

test('the floor survives a restart, and a newer checkpoint raises it', async () => {
  const now = trust.clock.now()
  await stamp(authority, query)
  await authority.floor.save()
  await authority.floor.save()
  trust.clock.setNow(new Date(now.getTime() - 60_000))
  await assert.rejects(stamp(await openAuthority(), query), { code: 'trust.clock-unsound' })
  trust.clock.setNow(now)
  const later = await openTimeFloor(trust, new Date(now.getTime() + 3_600_000))
  assert.throws(() => later.next(), { code: 'trust.clock-unsound' })
})

test('outside the validity of the signer nothing is stamped', async () => {
  const end = authority.signer.certificate.notAfter
  const late = { ...authority, floor: { next: () => new Date(end.getTime() + 1000), save: async () => {} } }
  await assert.rejects(stamp(late, query), { code: 'trust.issuer-expiring' })
})
