import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import type { Anchors } from '@countersign/local/anchors/openAnchors.ts'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { followLog } from '@countersign/local/feed/followLog.ts'
import { LogServer, TestLog, testSigner } from '@countersign/local/feed/logFixture.ts'
import { Database } from '@countersign/platform/database/database.ts'
import { migrate } from '@countersign/platform/database/migrate.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import { endedNumbers, signedLeaf, testRevoker, testRevokers } from '@countersign/protocol/decide/revokerFixture.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { leafHash } from '@countersign/protocol/log/merkle.ts'
import { tileLeaf } from '@countersign/protocol/log/staticCt.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import type { PolicyLog, VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { makeTestKey } from '@countersign/protocol/x509/authorityFixture.ts'
import { certifyMigrations } from '../certify/migrations.ts'
import { logAttention } from '../compose/logAttention.ts'
import { CertificateTestLog, certificationCertificate, certifications } from './certificateLogFixture.ts'
import { type FollowCertificatesDeps, followCertificates } from './followCertificates.ts'
import { watchMigrations } from './migrations.ts'
import { testFolder } from './validatorFixture.ts'
import type { WatchTables } from './watchTables.ts'

const subject = 'https://sign.example.org/validators/lab'
const other = 'https://sign.example.org/validators/laboratory'
const authority = certifications.certificate.keyId
const approver = testRevoker('anna', ['certifications'])
const witness = testSigner('witness.example.org', 0x04)
const ctOrigin = 'sign.example.org/ct'

let server: LogServer
let place: Awaited<ReturnType<typeof testFolder>>
let database: Database
let certificates: CertificateTestLog
let revocations: TestLog
let policy: VerificationPolicy
let deps: FollowCertificatesDeps

before(async () => {
  server = await LogServer.start()
})
after(() => server.stop())
beforeEach(async () => {
  place = await testFolder()
  server.files.clear()
  certificates = new CertificateTestLog(ctOrigin)
  revocations = new TestLog('sign.example.org/production/revocations')
  const named = (name: string, { signer }: TestLog): PolicyLog[] => [
    { origin: signer.key.name, key: { vkey: signer.vkey }, url: `${server.url}/${name}` },
  ]
  policy = testPolicy({
    logs: {
      ...{ artifacts: [], audit: [] },
      certificates: named('ct', certificates),
      revocations: named('revocations', revocations),
    },
    revokers: testRevokers([approver]),
    witnesses: { quorum: 1, of: [{ name: 'witness.example.org', vkey: witness.vkey, outside: true }] },
  })
  await open()
})
afterEach(async () => {
  await database.close()
  await place.remove()
})

/** Opens the validator's database; again, as after a restart. */
async function open(): Promise<void> {
  database = Database.openFile(join(place.folder, 'test.sqlite'))
  await migrate(database, [...certifyMigrations, ...watchMigrations])
  const anchors = { policy, folder: place.folder, target: () => new Uint8Array() } as unknown as Anchors
  const logger = createLogger({ level: 'silent', name: 'test' })
  deps = { database, clock: systemClock, logger, subject, anchors: () => anchors }
}

function publish(): void {
  server.publish('ct', certificates, certificates.checkpoint(witness, new Date()))
  server.publish('revocations', revocations, revocations.checkpoint(witness, new Date()))
}

async function follow(): Promise<number> {
  publish()
  return followCertificates(deps)
}

/** Logs a revocation record, and follows both logs. */
async function revoked(leaf: Uint8Array): Promise<void> {
  revocations.entries.push(leaf)
  publish()
  const [log] = policy.logs.revocations
  const reading = { clock: systemClock, trust: { deviceRoot: '' }, timeoutMs: 5000 }
  await followLog(log as PolicyLog, 'revocations', place.folder, reading)
  await followCertificates(deps)
}

/** Logs a certificate in somebody's name. */
function logged(name: string, number?: bigint, spki?: Uint8Array): void {
  const more = { ...(number !== undefined && { number }), ...(spki && { spki }) }
  certificates.log(certificationCertificate(name, more), certifications)
}

/** What the intent of a certification leaves here, as far as it matters: its key. */
async function intended(spki: Uint8Array): Promise<void> {
  const none = new Uint8Array()
  const row = { submission_id: 's', sha256: '', product: 'files', version: '1', catalogue_id: 1, advisory_state: 1 }
  const more = { proof: none, not_after: '', statements: '', authority: null, number: null, certificate: null }
  const rest = { timestamps: null, bundles: null, created_ms: 0, state: 'pending' as const }
  await database.transaction<WatchTables, void>('test', async (trx) => {
    await trx
      .insertInto('certify_certifications')
      .values({ ...row, ...more, ...rest, spki })
      .execute()
  })
}

const kept = () => database.tables<WatchTables>().selectFrom('watch_forged').selectAll().orderBy('log_index').execute()
const attention = async () => (await logAttention(deps)).map(({ code, message }) => ({ code, message }))

test('a certificate in our name by a key we never had is kept, and the status says what approvers have to run', async () => {
  const own = makeTestKey().spki
  await intended(own)
  logged(other, 1n)
  logged(subject, 2n, own)
  logged(subject, 3n)
  assert.equal(await follow(), 1)
  const [row, ...more] = await kept()
  assert.deepEqual(more, [])
  assert.deepEqual([row?.log_index, row?.authority, row?.number, row?.sha256], [2, authority, '3', '5a'.repeat(32)])
  const [found] = await attention()
  assert.equal(found?.code, 'certificate-forged')
  assert.ok(found?.message.includes(`countersign revoke --certification 3 --authority ${authority} --reason`))
})

test('entries are looked at once, also after a restart, and new ones are found in the tile that was partial', async () => {
  for (let number = 1n; number <= 300n; number++) logged(other, number)
  logged(subject, 301n)
  assert.equal(await follow(), 1)
  await database.close()
  await open()
  assert.equal(await follow(), 0)
  logged(subject, 302n)
  assert.equal(await follow(), 1)
  assert.deepEqual(
    (await kept()).map(({ log_index }) => log_index),
    [300, 301],
  )
})

test('a crash before the part is noted: the part is read again, and nothing is kept twice', async () => {
  logged(subject, 1n)
  const transaction = () => Promise.reject(new Error('power lost'))
  const failing = { tables: () => database.tables<WatchTables>(), transaction } as unknown as Database
  publish()
  await assert.rejects(followCertificates({ ...deps, database: failing }), /power lost/)
  assert.equal(await follow(), 1)
  await database.transaction<WatchTables, void>('test', async (trx) => {
    await trx.deleteFrom('watch_logs').execute()
  })
  await follow()
  assert.equal((await kept()).length, 1)
})

test('once approvers have ended it, it needs no attention any more; lifted again, it does', async () => {
  logged(subject, 7n)
  await follow()
  const ended = signedLeaf(endedNumbers([7n], { authority }), approver)
  await revoked(ended)
  assert.deepEqual(await attention(), [])
  const reason = 'the wrong number'
  const issuedAt = new Date('2026-03-02T00:00:00Z')
  const amends = toHex(leafHash(ended))
  await revoked(signedLeaf({ scope: 'certifications', effect: 'lifted', amends, reason, issuedAt }, approver))
  assert.equal((await attention()).length, 1)
})

test('a certificate without a number is nobody’s certification, and is told all the same', async () => {
  logged(subject)
  assert.equal(await follow(), 1)
  const [found] = await attention()
  assert.match(found?.message ?? '', /no verifier takes it for a certification/)
})

test('feed.tiles-wrong: a data tile without the forged entry, or with another precertificate than was logged; it is read again', async () => {
  logged(other, 1n)
  logged(subject, 2n)
  publish()
  const path = 'ct/tile/data/000.p/2'
  const real = server.files.get(path) as Uint8Array
  const [first, second] = certificates.certificates
  assert.ok(first && second?.precertificate && first.precertificate)
  const twice = Buffer.concat([tileLeaf(first), tileLeaf(first)])
  const submitted = { ...second.precertificate, submitted: first.precertificate.submitted }
  const swapped = Buffer.concat([tileLeaf(first), tileLeaf({ ...second, precertificate: submitted })])
  for (const lie of [twice, swapped, tileLeaf(first)]) {
    server.files.set(path, new Uint8Array(lie))
    await assert.rejects(followCertificates(deps), { code: 'feed.tiles-wrong' })
  }
  server.files.set(path, real)
  assert.equal(await followCertificates(deps), 1)
})

test('feed.forked: a log that takes an entry back is noticed, the evidence is kept and needs attention', async () => {
  logged(other, 1n)
  logged(subject, 2n)
  await follow()
  const { signer } = certificates
  certificates = new CertificateTestLog(ctOrigin, signer)
  logged(other, 1n)
  logged(other, 2n)
  logged(other, 3n)
  publish()
  await assert.rejects(followCertificates(deps), { code: 'feed.forked' })
  const codes = (await attention()).map(({ code }) => code)
  assert.deepEqual(codes, ['log-forked', 'certificate-forged'])
})
