import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Certificate, parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import { readCertificationExtension } from '@countersign/protocol/x509/certification.ts'
import { readFulcioClaims, readIdentity } from '@countersign/protocol/x509/fulcio.ts'
import { readScts, verifySct } from '@countersign/protocol/x509/sct.ts'
import { verifyChain } from '@countersign/protocol/x509/verifyChain.ts'
import type { LogEntry } from '../../log/transparencyLog.ts'
import { certificationRequest, type RunningTrust, startTrust, testKey } from '../revocationFixture.ts'
import { openTrustFixture, type TrustFixture } from '../trustFixture.ts'
import type { TrustTables } from '../trustTables.ts'
import { activeCertifications, certificationState } from './certifications.ts'
import { type CertificationAuthority, issueCertification } from './issueCertification.ts'

const validator = { name: 'one', sameOperator: true }
const sha256 = '5a'.repeat(32)
const DAY_MS = 86_400_000

let place: TrustFixture
let running: RunningTrust

before(async () => {
  place = await openTrustFixture(mkdtempSync(join(tmpdir(), 'countersign-certify-')), new Date())
  running = await startTrust(place)
})

after(async () => {
  await running.stop()
  await place.close()
  rmSync(place.folder, { recursive: true })
})

type Asked = Omit<Parameters<typeof certificationRequest>[1], 'validator' | 'sha256'> & { sha256?: string }

function request(asked: Asked = {}) {
  return certificationRequest(running, { validator, sha256, ...asked })
}

async function issue(asked: Asked = {}, as: Partial<CertificationAuthority> = {}) {
  return issueCertification({ ...running.trust.certifications, ...as }, validator, request(asked))
}

function leafOf({ certificates }: { certificates: readonly string[] }): Certificate {
  const [leaf] = parsePemCertificates(certificates.join(''))
  assert.ok(leaf)
  return leaf
}

const count = async () => (await rows()).length
const rows = () => place.database.tables<TrustTables>().selectFrom('trust_certifications').selectAll().execute()

test('the certificate chains to the certifications authority, names number, digest, validator and operator, and is logged', async () => {
  const issued = await issue({ days: 90 })
  const [leaf, intermediate, root] = parsePemCertificates(issued.certificates.join(''))
  assert.ok(leaf && intermediate && root)
  const chain = { leaf, intermediates: [intermediate], anchors: [root], purpose: 'codeSigning' } as const
  assert.equal(verifyChain({ ...chain, at: place.clock.now() }).length, 3)
  assert.equal(issued.authority, intermediate.keyId)
  assert.deepEqual(readCertificationExtension(leaf), {
    number: issued.number,
    digests: [new Uint8Array(32).fill(0x5a)],
  })
  const base = 'https://sign.example.test:8443/validators'
  assert.deepEqual(readIdentity(leaf), { issuer: base, subject: `${base}/one`, subjectType: 'uri' })
  assert.equal(readFulcioClaims(leaf).runnerEnvironment, 'same-operator')
  assert.equal(leaf.notAfter.getTime() - leaf.notBefore.getTime(), 90 * DAY_MS)
  verifySct(readScts(leaf)[0]!, leaf, intermediate, { spki: running.trust.certifications.sctKey.spki })
  assert.deepEqual(await running.trust.revokeUnrecorded(), [])
})

test('a validator of another operator is said to be one', async () => {
  const other = { name: 'other', sameOperator: false }
  const asked = certificationRequest(running, { validator: other, sha256 })
  const leaf = leafOf(await issueCertification(running.trust.certifications, other, asked))
  assert.equal(readFulcioClaims(leaf).runnerEnvironment, 'other-operator')
})

test('numbers go up by one and are never given twice, also when many ask at once', async () => {
  const first = (await issue()).number
  const all = await Promise.all(Array.from({ length: 20 }, () => issue()))
  const numbers = all.map(({ number }) => Number(number - first)).sort((a, b) => a - b)
  assert.deepEqual(
    numbers,
    Array.from({ length: 20 }, (_, index) => index + 1),
  )
})

test('the same key and artifact again get the same certificate and number, one after the other and at once', async () => {
  const asked = request()
  const ask = () => issueCertification(running.trust.certifications, validator, asked)
  const before = await count()
  const [one, two] = await Promise.all([ask(), ask()])
  assert.deepEqual(two, one)
  assert.deepEqual(await ask(), one)
  assert.equal(await count(), before + 1)
})

test('trust.key-known: a known key with another artifact, end or validator', async () => {
  const key = testKey()
  await issue({ key })
  await assert.rejects(issue({ key, sha256: '11'.repeat(32) }), { code: 'trust.key-known' })
  await assert.rejects(issue({ key, days: 10 }), { code: 'trust.key-known' })
  const other = { name: 'two', sameOperator: true }
  const asked = certificationRequest(running, { validator: other, sha256, key })
  await assert.rejects(issueCertification(running.trust.certifications, other, asked), { code: 'trust.key-known' })
  const fresh = testKey()
  const both = await Promise.allSettled([issue({ key: fresh }), issue({ key: fresh, sha256: '11'.repeat(32) })])
  assert.deepEqual(
    both.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  )
})

test('trust.possession-wrong: a proof by another key, for another artifact, end or validator; nothing is recorded', async () => {
  const before = await count()
  const good = request()
  const wrong = [
    { ...good, publicKey: testKey().spki },
    { ...good, sha256: '22'.repeat(32) },
    { ...good, notAfter: request({ days: 91 }).notAfter },
  ]
  for (const asked of wrong) {
    await assert.rejects(issueCertification(running.trust.certifications, validator, asked), {
      code: 'trust.possession-wrong',
      caller: { issuer: 'https://sign.example.test:8443/validators', subject: 'one' },
    })
  }
  await assert.rejects(issueCertification(running.trust.certifications, { ...validator, name: 'two' }, good), {
    code: 'trust.possession-wrong',
  })
  assert.equal(await count(), before)
})

test('trust.validity-wrong: an end in the past, after more than 400 days, or that is no time', async () => {
  for (const days of [-1, 0, 401]) await assert.rejects(issue({ days }), { code: 'trust.validity-wrong' })
  assert.equal((await issue({ days: 400 })).certificates.length, 3)
  const asked = { ...request(), notAfter: 'tomorrow' }
  await assert.rejects(issueCertification(running.trust.certifications, validator, asked), {
    code: 'trust.validity-wrong',
  })
})

test('trust.issuer-expiring: a certification lies within the life of its authority', async () => {
  const end = running.trust.certifications.template.issuer.certificate.notAfter
  const clock = { ...place.clock, now: () => new Date(end.getTime() - 30 * DAY_MS) }
  const near = { ...running, trust: { ...running.trust, certifications: { ...running.trust.certifications, clock } } }
  const asked = certificationRequest(near, { validator, sha256, days: 31 })
  await assert.rejects(issueCertification(near.trust.certifications, validator, asked), {
    code: 'trust.issuer-expiring',
  })
})

test('trust.key-unsupported: only P-256', async () => {
  const spki = 'MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE='
  const asked = { ...request(), publicKey: spki }
  await assert.rejects(issueCertification(running.trust.certifications, validator, asked), {
    code: 'trust.key-unsupported',
  })
})

for (const when of ['before', 'after'] as const) {
  test(`a crash ${when} the log stored the entry: the next start finishes it under the same number, the same key gets it`, async () => {
    const key = testKey()
    const append = async (entry: LogEntry) => {
      if (when === 'after') await running.logs.certificates.append(entry)
      throw new Error('power lost')
    }
    const asked = request({ key })
    const { number } = await issue()
    await assert.rejects(issue({ key }, { log: { append } }), /power lost/)
    await running.stop()
    running = await startTrust(place)
    const again = await issueCertification(running.trust.certifications, validator, asked)
    assert.equal(again.number, number + 1n)
    assert.equal((await issue()).number, number + 2n)
    assert.deepEqual(await running.trust.revokeUnrecorded(), [])
  })
}

test('a log that refuses once leaves an intent, and the same request goes on from it', async () => {
  const asked = request()
  const refusing = { ...running.trust.certifications, log: { append: () => Promise.reject(new Error('log is busy')) } }
  await assert.rejects(issueCertification(refusing, validator, asked), /busy/)
  const before = await count()
  await issueCertification(running.trust.certifications, validator, asked)
  assert.equal(await count(), before)
})

test('a certification is active until its time is over', async () => {
  const digest = '77'.repeat(32)
  const { authority, number } = await issue({ sha256: digest, days: 1 })
  const now = place.clock.now()
  const later = new Date(now.getTime() + 2 * DAY_MS)
  assert.equal(await certificationState(place.database, { authority, number }, now), 'active')
  assert.equal(await certificationState(place.database, { authority, number }, later), 'expired')
  assert.equal(await certificationState(place.database, { authority, number: 10_000n }, now), undefined)
  assert.deepEqual(
    (await activeCertifications(place.database, now, digest)).map((one) => [one.number, one.validator]),
    [[number, 'one']],
  )
  assert.deepEqual(await activeCertifications(place.database, later, digest), [])
})
