import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '@countersign/local/clock/clock.ts'
import { createLogger } from '@countersign/platform/telemetry/logger.ts'
import { leafHash, verifyInclusion } from '@countersign/protocol/log/merkle.ts'
import { decodeDataTile, merkleTreeLeaf } from '@countersign/protocol/log/staticCt.ts'
import { type Certificate, parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import { readFulcioClaims, readIdentity } from '@countersign/protocol/x509/fulcio.ts'
import { readLeafIndex, readScts, verifySct } from '@countersign/protocol/x509/sct.ts'
import { verifyChain } from '@countersign/protocol/x509/verifyChain.ts'
import type { Identity } from '../../account/identities/identity.ts'
import { openLog } from '../../log/openLog.ts'
import { ed25519Signer, treeHeadSigner } from '../../log/signers.ts'
import type { LogEntry, TransparencyLog } from '../../log/transparencyLog.ts'
import { revokeUnrecorded } from '../revocation/revokeUnrecorded.ts'
import { openTrustFixture, type TrustFixture } from '../trustFixture.ts'
import type { TrustTables } from '../trustTables.ts'
import { openCertificateStore } from './certificateStore.ts'
import { createRoots } from './createRoots.ts'
import { finishIntents } from './finishIntents.ts'
import { identityTemplate } from './identityProfile.ts'
import { type IdentityAuthority, issueIdentityCertificate } from './issueIdentityCertificate.ts'
import { currentIssuing } from './issuers.ts'
import { crlShard } from './serial.ts'

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'countersign-trust-'))
}

async function remove(fixture: TrustFixture): Promise<void> {
  await fixture.close()
  rmSync(fixture.folder, { recursive: true })
}

const ORIGIN = 'sign.example.test:8443/ct'
const ISSUER = 'https://sign.example.test:8443/oidc'
const EMAIL: Identity = {
  issuer: ISSUER,
  subject: 'subject-1',
  email: 'me@example.test',
  kind: 'email',
  san: { type: 'email', value: 'me@example.test' },
  claims: { issuer: ISSUER },
  challenges: ['me@example.test', 'subject-1'],
}

let trust: TrustFixture
let log: TransparencyLog
let authority: IdentityAuthority

before(async () => {
  trust = await openTrustFixture(newFolder())
  await createRoots(trust, trust.facts)
  await trust.onlineKeys.create('ct-p256', 'ecdsa-p256')
  await trust.onlineKeys.create('ct-ed25519', 'ed25519')
  await start()
})

after(async () => {
  await log.close()
  await remove(trust)
})

/** What a start of the server does, without the repair. */
async function start(): Promise<void> {
  const sctKey = await trust.onlineKeys.open('ct-p256')
  const signers = [treeHeadSigner(ORIGIN, sctKey), ed25519Signer(ORIGIN, await trust.onlineKeys.open('ct-ed25519'))]
  // The log paces itself by waiting, which a clock that stands still never ends.
  const clock = { ...systemClock, now: () => trust.clock.now() }
  const deps = { ...trust, clock, logger: createLogger({ level: 'silent', name: 'test' }) }
  log = await openLog(deps, {
    name: 'certificates',
    origin: ORIGIN,
    folder: 'logs/certificates',
    entriesAs: 'data',
    signers,
    cosigners: [],
    limits: { batchMs: 1 },
  })
  const template = identityTemplate(currentIssuing(await trust.issuers(), 'identities'), trust.facts)
  const store = await openCertificateStore(trust.database)
  authority = { facts: trust.facts, clock: trust.clock, template, log, sctKey, store, verifyToken: async () => EMAIL }
}

function newRequest(proofOver = 'me@example.test') {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const content = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string
  const proofOfPossession = sign('sha256', Buffer.from(proofOver), privateKey).toString('base64')
  const publicKeyRequest = { publicKey: { content }, proofOfPossession }
  return { body: { credentials: { oidcIdentityToken: 'a.b.c' }, publicKeyRequest }, authorization: undefined }
}

async function issue(as: Partial<IdentityAuthority> = {}): Promise<Certificate[]> {
  trust.clock.advance(10)
  return parsePemCertificates((await issueIdentityCertificate({ ...authority, ...as }, newRequest())).join(''))
}

test('the answer is a chain that verifies, for ten minutes, with the identity of the token', async () => {
  const [leaf, intermediate, root] = await issue()
  assert.ok(leaf && intermediate && root)
  const chain = { leaf, intermediates: [intermediate], anchors: [root], purpose: 'codeSigning' } as const
  assert.equal(verifyChain({ ...chain, at: trust.clock.now() }).length, 3)
  assert.equal(leaf.notAfter.getTime() - leaf.notBefore.getTime(), 600_000)
  assert.deepEqual(readIdentity(leaf), { issuer: ISSUER, subject: 'me@example.test', subjectType: 'email' })
  assert.equal(readFulcioClaims(leaf).issuer, ISSUER)
  const node = new X509Certificate(leaf.raw)
  assert.ok(node.verify(intermediate.publicKey))
  assert.equal(node.subjectAltName, 'email:me@example.test')
  assert.equal(node.subject, undefined)
})

test('the revocation list in the certificate is the one its serial number decides', async () => {
  const [leaf, intermediate] = await issue()
  assert.ok(leaf && intermediate)
  const base = 'http://sign.example.test:8080'
  assert.deepEqual(leaf.crlUrls, [`${base}/crl/${intermediate.keyId}/${crlShard(leaf.serial, 16)}.crl`])
  assert.deepEqual(leaf.issuerUrls, [`${base}/issuer/${intermediate.keyId}.cer`])
})

test('the certificate carries an SCT of the log, and the log proves the very entry that the SCT names', async () => {
  const [leaf, intermediate, root] = await issue()
  assert.ok(leaf && intermediate && root)
  const [sct] = readScts(leaf)
  assert.ok(sct)
  verifySct(sct, leaf, intermediate, { spki: authority.sctKey.spki })
  const index = readLeafIndex(sct.extensions)
  assert.ok(index !== undefined)
  const { size, root: treeRoot } = log.head()
  const tile = await log.readEntries(index / 256n, Number(size % 256n))
  const entry = decodeDataTile(tile as Uint8Array, { maxEntries: 256 })[Number(index % 256n)]
  assert.ok(entry)
  assert.equal(entry.timestampMs, sct.timestampMs)
  assert.equal(entry.chainFingerprints.length, 2)
  const proof = await log.inclusionProof(index, size)
  verifyInclusion({ leaf: leafHash(merkleTreeLeaf(entry)), index, size, proof, root: treeRoot })
})

test('the intent is recorded before the log sees the certificate, and the result before the caller does', async () => {
  const seen: string[] = []
  const rows = () => trust.database.tables<TrustTables>().selectFrom('trust_certificate_intents').selectAll().execute()
  const append = async (entry: LogEntry) => {
    const last = (await rows()).at(-1)
    assert.ok(last)
    seen.push(last.serial)
    assert.equal((await authority.store.readOpenIntents(last.id - 1, 10)).length, 1)
    return log.append(entry)
  }
  const [leaf] = await issue({ log: { append } })
  assert.deepEqual(seen, [leaf?.serialHex])
  const results = await trust.database
    .tables<TrustTables>()
    .selectFrom('trust_certificate_results')
    .selectAll()
    .execute()
  assert.deepEqual(new Uint8Array(results.at(-1)?.certificate ?? []), leaf?.raw)
})

test('requests at the same time get certificates of their own', async () => {
  const all = await Promise.all(Array.from({ length: 50 }, () => issue()))
  assert.equal(new Set(all.map(([leaf]) => leaf?.serialHex)).size, 50)
})

test('identities of validators are not issued here, however they are spelled', async () => {
  const reserved = [
    'https://sign.example.test:8443/validators/one',
    'https://sign.example.test:8443/validators',
    'HTTPS://SIGN.example.test:8443/Validators/one',
    'https://sign.example.test:8443/x/../validators/one',
    'https://sign.example.test:8443/%76alidators/one',
  ]
  const rows = () => trust.database.tables<TrustTables>().selectFrom('trust_certificate_intents').select('id').execute()
  const before = (await rows()).length
  for (const value of reserved) {
    const verifyToken = async (): Promise<Identity> => ({ ...EMAIL, san: { type: 'uri', value } })
    await assert.rejects(issue({ verifyToken }), { code: 'trust.identity-reserved' }, value)
  }
  const asIssuer = async (): Promise<Identity> => ({
    ...EMAIL,
    claims: { issuer: 'https://sign.example.test:8443/validators' },
  })
  await assert.rejects(issue({ verifyToken: asIssuer }), { code: 'trust.identity-reserved' })
  assert.equal((await rows()).length, before)
  const neighbour = async (): Promise<Identity> => ({
    ...EMAIL,
    san: { type: 'uri', value: 'https://sign.example.test:8443/validators-not/one' },
  })
  assert.equal((await issue({ verifyToken: neighbour })).length, 3)
})

test('without possession of the key, or with a token that does not verify, nothing is recorded', async () => {
  const size = log.head().size
  await assert.rejects(issueIdentityCertificate(authority, newRequest('someone@example.test')), {
    code: 'trust.possession-wrong',
    // The token was good, so the audit trail names who was refused.
    caller: { issuer: EMAIL.claims.issuer, subject: EMAIL.san.value },
  })
  const verifyToken = () => Promise.reject(new Error('token refused'))
  await assert.rejects(issue({ verifyToken }), /token refused/)
  assert.equal(log.head().size, size)
})

test('an authority that ends within ten minutes issues nothing', async () => {
  const end = authority.template.issuer.certificate.notAfter
  const clock = { ...authority.clock, now: () => new Date(end.getTime() - 599_000) }
  await assert.rejects(issue({ clock }), { code: 'trust.issuer-expiring' })
})

test('a certificate that is not what it should be never leaves', async () => {
  const other = await trust.onlineKeys.open('servers-1')
  const { template } = authority
  const wrongKey = { ...template, issuer: { ...template.issuer, key: other } }
  await assert.rejects(issue({ template: wrongKey }), { code: 'x509.profile' })
  const [open] = await authority.store.readOpenIntents(0, 10)
  assert.ok(open)
  const repaired = await finishIntents({ ...authority, database: trust.database, templates: [wrongKey] })
  assert.deepEqual(
    repaired.refused.map(({ serial }) => serial),
    [open.serial],
  )
  assert.deepEqual(await authority.store.readOpenIntents(0, 10), [])
})

for (const when of ['before', 'after'] as const) {
  test(`a crash ${when} the log stored the entry is repaired by the next start with the same bytes, once`, async () => {
    const logged: Uint8Array[] = []
    const append = async (entry: LogEntry) => {
      if (when === 'after') logged.push((await log.append(entry)).leafHash)
      throw new Error('power lost')
    }
    await assert.rejects(issue({ log: { append } }), /power lost/)
    const { size } = log.head()
    await log.close()
    trust.clock.advance(3_600_000)
    await start()
    const finish = () => finishIntents({ ...authority, database: trust.database, templates: [authority.template] })
    assert.deepEqual(await finish(), { finished: 1, refused: [] })
    assert.deepEqual(await finish(), { finished: 0, refused: [] })
    assert.equal(log.head().size, when === 'after' ? size : size + 1n)
    const results = await trust.database
      .tables<TrustTables>()
      .selectFrom('trust_certificate_results')
      .selectAll()
      .orderBy('id')
      .execute()
    const last = results.at(-1)
    assert.ok(last)
    assert.equal(last.log_index, Number(log.head().size) - 1)
    const [leaf] = parsePemCertificates(new X509Certificate(last.certificate).toString())
    assert.ok(leaf)
    verifySct(readScts(leaf)[0]!, leaf, authority.template.issuer.certificate, { spki: authority.sctKey.spki })
    assert.deepEqual(await compare(), [])
  })
}

test('an intent of an issuer that is not there stops the start', async () => {
  await assert.rejects(issue({ log: { append: () => Promise.reject(new Error('power lost')) } }), /power lost/)
  const finish = (templates: readonly IdentityAuthority['template'][]) =>
    finishIntents({ ...authority, database: trust.database, templates })
  await assert.rejects(finish([]), { code: 'trust.not-created' })
  assert.deepEqual(await finish([authority.template]), { finished: 1, refused: [] })
})

function compare() {
  return revokeUnrecorded({ ...authority, ...trust, log })
}

test('a logged certificate that nobody here intended is found and revoked, once', async () => {
  const store = { ...authority.store, addIntent: async () => 0, addResult: async () => {} }
  const [intended] = await issue()
  const [foreign] = await issue({ store })
  await issue()
  assert.ok(intended && foreign)
  const found = await compare()
  assert.deepEqual(
    found.map(({ serial }) => serial),
    [foreign.serialHex],
  )
  assert.equal(found[0]?.issuerKeyId, authority.template.issuer.keyId)
  assert.deepEqual(await compare(), [])
  const revoked = await trust.database.tables<TrustTables>().selectFrom('trust_revoked').selectAll().execute()
  assert.deepEqual(
    revoked.map(({ serial, revoked_from_ms }) => [serial, revoked_from_ms]),
    [[foreign.serialHex, foreign.notBefore.getTime()]],
  )
})

test('a certificate that is on its way during the comparison is not revoked', async () => {
  let result: (() => void) | undefined
  const addResult: typeof authority.store.addResult = (row) =>
    new Promise((resolve, reject) => {
      result = () => void authority.store.addResult(row).then(resolve, reject)
    })
  const size = log.head().size
  const issuing = issue({ store: { ...authority.store, addResult } })
  while (result === undefined) await systemClock.sleep(5)
  await issue()
  assert.equal(log.head().size, size + 2n)
  assert.deepEqual(await compare(), [])
  result()
  await issuing
  assert.deepEqual(await compare(), [])
  const revoked = await trust.database.tables<TrustTables>().selectFrom('trust_revoked').selectAll().execute()
  assert.equal(revoked.length, 1)
})

test('a log whose file is missing cannot be compared, and that is said', async () => {
  await issue()
  const unreadable = { head: () => log.head(), readEntries: async () => undefined }
  const comparing = revokeUnrecorded({ ...authority, ...trust, log: unreadable })
  await assert.rejects(comparing, { code: 'trust.log-unreadable' })
})
