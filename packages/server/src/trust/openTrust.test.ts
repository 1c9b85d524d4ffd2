import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { type BoundAddress, createHttpServer, type HttpServer } from '@countersign/platform/http/server.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import type { ListenerName } from '@countersign/protocol/api/route.ts'
import { certificationProof } from '@countersign/protocol/statement/certificationProof.ts'
import { timestampErrors } from '@countersign/protocol/timestamp/errors.ts'
import { writeTimestampRequest } from '@countersign/protocol/timestamp/request.ts'
import { verifyTimestamp } from '@countersign/protocol/timestamp/verifyTimestamp.ts'
import { parseCertificate, parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import { parseCrl } from '@countersign/protocol/x509/crl.ts'
import { poisonExtension } from '@countersign/protocol/x509/sct.ts'
import { Updater } from 'tuf-js'
import { openLog } from '../log/openLog.ts'
import { treeHeadSigner } from '../log/signers.ts'
import type { TransparencyLog } from '../log/transparencyLog.ts'
import { signCertificate } from './authority/certificateProfiles.ts'
import { identityProfile } from './authority/identityProfile.ts'
import { createTrust } from './createTrust.ts'
import { trustErrors } from './errors.ts'
import { openTrust, type Trust } from './openTrust.ts'
import { mountTrust } from './routes.ts'
import { openTrustFixture, type TrustFixture } from './trustFixture.ts'
import type { TrustTables } from './trustTables.ts'

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'countersign-trust-'))
}

async function remove(fixture: TrustFixture): Promise<void> {
  await fixture.close()
  rmSync(fixture.folder, { recursive: true })
}

const ORIGIN = 'sign.example.test:8443/ct'

let place: TrustFixture
let log: TransparencyLog
let trust: Trust
let https: HttpServer
let http: HttpServer

before(async () => {
  place = await openTrustFixture(newFolder(), new Date())
  await createTrust(place, place.facts)
  place.clock.advance(10)
  await createTrust(place, place.facts)
  const sctKey = await place.onlineKeys.create('ct-p256', 'ecdsa-p256')
  const logger = createLogger({ level: 'silent', name: 'test' })
  log = await openLog(
    { ...place, clock: systemClock, logger },
    {
      name: 'certificates',
      origin: ORIGIN,
      folder: 'logs/certificates',
      entriesAs: 'data',
      signers: [treeHeadSigner(ORIGIN, sctKey)],
      cosigners: [],
    },
  )
  const claims = { issuer: 'https://issuer.example.test' }
  trust = await openTrust({
    ...place,
    keys: place.onlineKeys,
    certificateLog: log,
    sctKey,
    timeAtLeast: place.clock.now(),
    verifyToken: async () => ({
      issuer: claims.issuer,
      subject: 's',
      kind: 'email',
      san: { type: 'email', value: 'me@example.test' },
      claims,
      challenges: ['s'],
    }),
  })
  await trust.anchors.publish({ 'trusted_root.json': new TextEncoder().encode('{}') })
  const server = (name: ListenerName) =>
    createHttpServer({ name, logger, errors: { ...trustErrors, ...timestampErrors }, checkReplies: true })
  https = server('https')
  http = server('http')
  const tokenIssuers = () => [
    { issuerUrl: claims.issuer, audience: 'sigstore', challengeClaim: 'email', issuerType: 'email' },
  ]
  mountTrust([https, http], {
    authority: trust.authority,
    certifications: trust.certifications,
    validatorOf: async () => ({ name: 'one', sameOperator: true }),
    timestamps: trust.timestamps,
    blobs: place.blobs,
    issuers: trust.issuers,
    tokenIssuers,
  })
  await Promise.all([https.listen({ host: '127.0.0.1', port: 0 }), http.listen({ host: '127.0.0.1', port: 0 })])
})

after(async () => {
  await Promise.all([https.close(), http.close()])
  await log.close()
  await remove(place)
})

function urlOf(server: HttpServer, path: string): string {
  const { port } = server.address() as Extract<BoundAddress, { port: number }>
  return `http://127.0.0.1:${port}${path}`
}

async function post(path: string, type: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
  return fetch(urlOf(https, path), { method: 'POST', headers: { 'content-type': type, ...headers }, body })
}

async function json<T>(answer: Response): Promise<T> {
  return (await answer.json()) as T
}

interface Chain {
  readonly certificates: readonly string[]
}

interface Refusal {
  readonly code: string
}

test('a Fulcio request is answered with exactly 200 and the embedded form', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const content = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string
  const proofOfPossession = sign('sha256', Buffer.from('s'), privateKey).toString('base64')
  const body = JSON.stringify({ publicKeyRequest: { publicKey: { algorithm: 'ECDSA', content }, proofOfPossession } })
  const answer = await post('/api/v2/signingCert', 'application/json', body, { authorization: 'Bearer a.b.c' })
  assert.equal(answer.status, 200)
  const { signedCertificateEmbeddedSct } = await json<{ signedCertificateEmbeddedSct: { chain: Chain } }>(answer)
  const { certificates } = signedCertificateEmbeddedSct.chain
  assert.equal(certificates.length, 3)
  const bundle = await json<{ chains: Chain[] }>(await fetch(urlOf(https, '/api/v2/trustBundle')))
  assert.deepEqual(bundle.chains[0]?.certificates, certificates.slice(1))
  const refused = await post('/api/v2/signingCert', 'application/json', body)
  assert.equal(refused.status, 401)
  assert.equal((await json<Refusal>(refused)).code, 'trust.token-missing')
})

test('a validator gets the certificate of a certification over HTTP; a number is a string', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const notAfter = new Date(Math.floor(place.clock.now().getTime() / 1000) * 1000 + 86_400_000)
  const sha256 = 'ab'.repeat(32)
  const validator = `${place.facts.publicUrl}/validators/one`
  const proof = sign('sha256', certificationProof({ sha256, notAfter, validator }), privateKey)
  const body = {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    proofOfPossession: proof.toString('base64'),
    sha256,
    notAfter: notAfter.toISOString(),
  }
  const answer = await post('/api/v1/certifications', 'application/json', JSON.stringify(body))
  assert.equal(answer.status, 200)
  const issued = await json<{ number: string; authority: string; certificates: string[] }>(answer)
  assert.deepEqual([issued.number, issued.certificates.length], ['1', 3])
  assert.equal(issued.authority, parsePemCertificates(issued.certificates[1] ?? '')[0]?.keyId)
  const wrong = JSON.stringify({ ...body, sha256: 'cd'.repeat(32) })
  const refused = await post('/api/v1/certifications', 'application/json', wrong)
  assert.equal((await json<Refusal>(refused)).code, 'trust.possession-wrong')
})

test('the configuration names the issuers of tokens', async () => {
  const answer = await fetch(urlOf(https, '/api/v2/configuration'))
  const { issuers } = await json<{ issuers: { issuerUrl: string }[] }>(answer)
  assert.equal(issuers[0]?.issuerUrl, 'https://issuer.example.test')
})

test('timestamps are answered with 200 to both kinds of request, and the chain verifies them', async () => {
  const pem = await (await fetch(urlOf(https, '/api/v1/timestamp/certchain'))).text()
  const authority = { chain: parsePemCertificates(pem) }
  const message = new TextEncoder().encode('x')
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', message))
  const json = JSON.stringify({ artifactHash: Buffer.from(digest).toString('base64'), hashAlgorithm: 'sha256' })
  const der = writeTimestampRequest({ hash: 'sha256', digest, certReq: true })
  for (const [type, body] of [
    ['application/json', json],
    ['application/timestamp-query', der],
  ] as const) {
    const answer = await post('/api/v1/timestamp', type, body)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-type'), 'application/timestamp-reply')
    verifyTimestamp(new Uint8Array(await answer.arrayBuffer()), message, [authority])
  }
  assert.equal((await post('/api/v1/timestamp', 'text/plain', 'x')).status, 415)
  assert.equal((await post('/api/v1/timestamp', 'application/json', '{}')).status, 400)
  assert.equal((await post('/api/v1/timestamp', 'application/timestamp-query', Uint8Array.of(0x30))).status, 400)
})

test('the addresses in a certificate lead to its issuer and to a list, on the plain listener only', async () => {
  const { certificate, issuerKeyId } = trust.timestamps.signer
  for (const url of [...certificate.issuerUrls, ...certificate.crlUrls]) {
    const { pathname } = new URL(url)
    const answer = await fetch(urlOf(http, pathname))
    assert.equal(answer.status, 200)
    const bytes = new Uint8Array(await answer.arrayBuffer())
    if (pathname.endsWith('.cer')) assert.equal(parseCertificate(bytes).keyId, issuerKeyId)
    else assert.equal(parseCrl(bytes).entries.length, 0)
    assert.equal((await fetch(urlOf(https, pathname))).status, 404)
  }
})

test('what is not there is 404 with a code, whatever the address tries', async () => {
  const { keyId } = trust.timestamps.signer
  const paths = [
    '/crl/x/0.crl',
    `/crl/${keyId}/99.crl`,
    `/crl/${keyId}/0`,
    '/issuer/x.cer',
    '/tuf/2.root.json',
    '/tuf/..%2f..%2ftest.sqlite',
    '/tuf/%00',
  ]
  for (const path of paths) {
    const answer = await fetch(urlOf(http, path))
    assert.equal(answer.status, 404, path)
    assert.equal((await json<Refusal>(answer)).code, 'trust.not-found', path)
  }
})

test('tuf-js reads the anchors from either listener', async () => {
  for (const server of [https, http]) {
    const home = await mkdtemp(join(place.folder, 'tuf-'))
    const base = urlOf(server, '/tuf')
    await writeFile(join(home, 'root.json'), new Uint8Array(await (await fetch(`${base}/1.root.json`)).arrayBuffer()))
    const updater = new Updater({
      metadataDir: home,
      metadataBaseUrl: base,
      targetDir: home,
      targetBaseUrl: `${base}/targets`,
    })
    await updater.refresh()
    const info = await updater.getTargetInfo('trusted_root.json')
    assert.ok(info)
    await updater.downloadTarget(info)
  }
})

test('the recurring work can be repeated and finds nothing to complain about', async () => {
  for (let run = 0; run < 2; run++) {
    await trust.publishCrls()
    await trust.anchors.renew()
    await trust.timestamps.floor.save()
    assert.deepEqual(await trust.revokeUnrecorded(), [])
  }
})

test('an intent that a crash left and whose certificate breaks the profile is recorded, revoked, and no obstacle', async () => {
  const { template, sctKey } = trust.authority
  const claims = { issuer: 'https://issuer.example.test' }
  const san = { type: 'email', value: 'me@example.test' } as const
  const profile = identityProfile(template, { san, claims, spki: sctKey.spki }, place.clock.now())
  const tooLong = { ...profile, notAfter: new Date(profile.notAfter.getTime() + 1000) }
  const poisoned = { ...tooLong, extensions: [...profile.extensions, poisonExtension()] }
  const serial = Buffer.from(profile.serial).toString('hex')
  await trust.authority.store.addIntent({
    serial,
    issuer_key_id: template.issuer.keyId,
    identity_issuer: claims.issuer,
    identity_subject: san.value,
    not_after_ms: tooLong.notAfter.getTime(),
    sct_time_ms: place.clock.now().getTime(),
    precertificate: await signCertificate(poisoned, template.issuer.key),
  })
  const verifyToken = () => Promise.reject(new Error('not asked'))
  const timeAtLeast = place.clock.now()
  const again = await openTrust({
    ...place,
    keys: place.onlineKeys,
    certificateLog: log,
    sctKey,
    timeAtLeast,
    verifyToken,
  })
  assert.deepEqual(await again.revokeUnrecorded(), [])
  const revoked = await place.database.tables<TrustTables>().selectFrom('trust_revoked').selectAll().execute()
  assert.deepEqual(
    revoked.map((row) => [row.serial, row.revoked_from_ms]),
    [[serial, profile.notBefore.getTime()]],
  )
})
