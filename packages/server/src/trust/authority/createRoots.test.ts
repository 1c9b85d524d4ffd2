import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect, createServer } from 'node:tls'
import { verifyChain } from '@countersign/protocol/x509/verifyChain.ts'
import { openTrustFixture, type TrustFixture } from '../trustFixture.ts'
import type { IssuerRow, TrustTables } from '../trustTables.ts'
import { createRoots } from './createRoots.ts'
import { issuingNames, issuingPurposes } from './issuerNames.ts'
import { currentIssuer, currentIssuing, type IssuerCertificate, openIssuer } from './issuers.ts'
import { issueTlsCertificate } from './issueTlsCertificate.ts'
import { renewIssuing, renewTimestampSigner } from './renewIssuing.ts'

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'countersign-trust-'))
}

async function remove(fixture: TrustFixture): Promise<void> {
  await fixture.close()
  rmSync(fixture.folder, { recursive: true })
}

let trust: TrustFixture
let all: IssuerCertificate[]

before(async () => {
  trust = await openTrustFixture(newFolder())
  await createRoots(trust, trust.facts)
  all = await trust.certificates()
})

after(() => remove(trust))

test('there are two roots, five issuing authorities and a timestamp signer, and nothing chains to both roots', () => {
  const names = all.map(({ name }) => name).sort()
  assert.deepEqual(names, [...issuingNames, 'code-signing-root', 'device-root', 'timestamp-signer'].sort())
  for (const name of issuingNames) {
    const { chain } = currentIssuer(all, name)
    assert.equal(chain.length, 2)
    assert.equal(chain[1]?.keyId, currentIssuer(all, issuingPurposes[name].root).keyId)
  }
  assert.equal(currentIssuer(all, 'timestamp-signer').chain.length, 3)
})

test('node agrees about every chain, about who is an authority, and about the names', () => {
  for (const { certificate, chain } of all) {
    const parsed = new X509Certificate(certificate.raw)
    const issuer = new X509Certificate((chain[1] ?? certificate).raw)
    assert.ok(parsed.verify(issuer.publicKey), parsed.subject)
    assert.ok(parsed.checkIssued(issuer), parsed.subject)
    assert.match(parsed.subject, /^O=sign\.example\.test\nOU=development\nCN=Countersign /)
  }
  assert.equal(new X509Certificate(currentIssuer(all, 'identities').certificate.raw).ca, true)
  assert.equal(new X509Certificate(currentIssuer(all, 'timestamp-signer').certificate.raw).ca, false)
})

test('every certificate carries the address of the list it would be on, and all but a root that of their issuer', () => {
  for (const { certificate, chain, issuerKeyId, keyId } of all) {
    const base = 'http://sign.example.test:8080'
    assert.deepEqual(certificate.crlUrls, [`${base}/crl/${issuerKeyId}/0.crl`])
    assert.deepEqual(certificate.issuerUrls, issuerKeyId === keyId ? [] : [`${base}/issuer/${issuerKeyId}.cer`])
    assert.equal(chain.at(-1)?.issuerText, chain.at(-1)?.subjectText)
  }
})

test('a chain holds for its own purpose and for no other', () => {
  const at = trust.clock.now()
  const [signer, intermediate, root] = currentIssuer(all, 'timestamp-signer').chain
  assert.ok(signer && intermediate && root)
  const chain = { leaf: signer, intermediates: [intermediate], anchors: [root], at }
  assert.equal(verifyChain({ ...chain, purpose: 'timeStamping' }).length, 3)
  assert.throws(() => verifyChain({ ...chain, purpose: 'codeSigning' }), { code: 'x509.wrong-purpose' })
})

test('the ceremony is not repeated', async () => {
  await createRoots(trust, trust.facts)
  assert.equal((await trust.certificates()).length, all.length)
})

test('a ceremony that died before the certificates were stored goes on with the same keys', async () => {
  const other = await openTrustFixture(newFolder())
  try {
    const key = await other.rootKeys.create('code-signing-root-1', 'ecdsa-p384')
    await createRoots(other, other.facts)
    assert.equal(currentIssuer(await other.certificates(), 'code-signing-root').keyId, key.keyId)
  } finally {
    await remove(other)
  }
})

test('a key that is not the one of the certificate is noticed', async () => {
  const identities = currentIssuer(all, 'identities')
  const wrong = { open: () => trust.onlineKeys.open('servers-1') }
  await assert.rejects(openIssuer(identities, wrong), { code: 'trust.key-mismatch' })
})

test('an instance without certificates says so', () => {
  assert.throws(() => currentIssuer([], 'identities'), { code: 'trust.not-created' })
})

test('rows that this program does not know, or without their issuer, are not taken for certificates', async () => {
  const other = await openTrustFixture(newFolder())
  const insert = (values: Partial<IssuerRow>) =>
    other.database.transaction<TrustTables, void>('test', async (trx) => {
      const { certificate, keyId } = currentIssuer(all, 'identities')
      const row = {
        key_id: keyId,
        issuer_key_id: keyId,
        name: 'identities',
        generation: 1,
        key_name: 'x',
        crl_shards: 1,
        created_ms: 0,
      }
      await trx.deleteFrom('trust_issuers').execute()
      await trx
        .insertInto('trust_issuers')
        .values({ ...row, certificate: certificate.raw, ...values })
        .execute()
    })
  try {
    for (const wrong of [
      { name: 'future' },
      { issuer_key_id: 'absent' },
      { key_id: 'other', issuer_key_id: 'other' },
    ]) {
      await insert(wrong)
      await assert.rejects(other.certificates(), { code: 'trust.not-created' })
    }
  } finally {
    await remove(other)
  }
})

test('a TLS server with the issued certificate is trusted through the device root alone, by name and by address', async () => {
  // TLS reads the real clock.
  const now = await openTrustFixture(newFolder(), new Date())
  await createRoots(now, now.facts)
  const issuer = currentIssuing(await now.issuers(), 'servers')
  const tls = await issueTlsCertificate({ clock: now.clock, issuer }, now.facts, ['127.0.0.1'])
  const server = createServer({ cert: tls.certificatePem, key: tls.privateKeyPem }, (socket) => socket.end('ok'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const codeRoot = currentIssuer(await now.certificates(), 'code-signing-root').certificate
  const pem = (der: Uint8Array) => new X509Certificate(der).toString()
  const reach = (servername: string, ca: Uint8Array) =>
    new Promise<string>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, servername, ca: pem(ca) }, () => socket.end())
      socket.on('secureConnect', () => resolve('trusted'))
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
    })
  try {
    assert.equal(await reach('sign.example.test', issuer.chain[1]?.raw as Uint8Array), 'trusted')
    assert.equal(await reach('other.example.test', issuer.chain[1]?.raw as Uint8Array), 'ERR_TLS_CERT_ALTNAME_INVALID')
    assert.notEqual(await reach('sign.example.test', codeRoot.raw), 'trusted')
    const days = (tls.notAfter.getTime() - now.clock.now().getTime()) / 86_400_000
    assert.ok(days > 88 && days < 90)
  } finally {
    server.close()
    await remove(now)
  }
})

test('localhost is also issued for both loopback addresses', async () => {
  const issuer = currentIssuing(await trust.issuers(), 'servers')
  const local = { ...trust.facts, publicUrl: 'https://localhost:8443' }
  const { certificatePem } = await issueTlsCertificate({ clock: trust.clock, issuer }, local)
  assert.equal(
    new X509Certificate(certificatePem).subjectAltName,
    'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  )
})

test('a renewed authority issues under a new key and name; the earlier one stays known; the signer follows its authority', async () => {
  const other = await openTrustFixture(newFolder())
  try {
    await createRoots(other, other.facts)
    await renewIssuing(other, other.facts, 'identities')
    await renewIssuing(other, other.facts, 'timestamps')
    const now = await other.certificates()
    assert.deepEqual(
      now.filter(({ name }) => name === 'identities').map(({ generation }) => generation),
      [1, 2],
    )
    assert.match(currentIssuer(now, 'identities').certificate.subjectText, /identities 2/)
    assert.equal(currentIssuer(now, 'timestamp-signer').issuerKeyId, currentIssuer(now, 'timestamps').keyId)
    assert.equal((await other.issuers()).length, 7)
  } finally {
    await remove(other)
  }
})

test('the timestamp signer is renewed when its end is near, not before, and never beyond its authority', async () => {
  const other = await openTrustFixture(newFolder())
  try {
    await createRoots(other, other.facts)
    assert.equal(await renewTimestampSigner(other, other.facts), false)
    const authorityEnd = currentIssuer(await other.certificates(), 'timestamps').certificate.notAfter
    for (let generation = 2; generation <= 4; generation++) {
      other.clock.advance(370 * 86_400_000)
      assert.equal(await renewTimestampSigner(other, other.facts), true)
    }
    other.clock.advance(370 * 86_400_000)
    assert.equal(await renewTimestampSigner(other, other.facts), true)
    const signer = currentIssuer(await other.certificates(), 'timestamp-signer')
    assert.equal(signer.generation, 5)
    assert.deepEqual(signer.certificate.notAfter, authorityEnd)
  } finally {
    await remove(other)
  }
})

test('a TLS certificate is never issued beyond its authority', async () => {
  const issuer = currentIssuing(await trust.issuers(), 'servers')
  const late = { now: () => new Date(issuer.certificate.notAfter.getTime() - 86_400_000) } as never
  await assert.rejects(issueTlsCertificate({ clock: late, issuer }, trust.facts), { code: 'trust.issuer-expiring' })
})
