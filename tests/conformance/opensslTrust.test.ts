/** openssl judges the timestamps and revocation lists of the server's own authorities. */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { writePem } from '@countersign/protocol/x509/pem.ts'
import { createRoots } from 'countersign-server/trust/authority/createRoots.ts'
import { currentIssuer, type IssuerCertificate, openIssuer } from 'countersign-server/trust/authority/issuers.ts'
import { crlBlobKey, publishCrls, publishRootCrls } from 'countersign-server/trust/revocation/publishCrls.ts'
import { revokeCertificate } from 'countersign-server/trust/revocation/revokeCertificate.ts'
import { stamp } from 'countersign-server/trust/timestamping/stamp.ts'
import { openTimeFloor } from 'countersign-server/trust/timestamping/timeFloor.ts'
import { openTrustFixture, type TrustFixture } from 'countersign-server/trust/trustFixture.ts'
import type { TrustTables } from 'countersign-server/trust/trustTables.ts'
import { openOpenssl } from './openssl.ts'

const { accepts, refuses, put } = openOpenssl()
let trust: TrustFixture
let signer: IssuerCertificate

before(async () => {
  trust = await openTrustFixture(mkdtempSync(path.join(tmpdir(), 'openssl-trust-')))
  await createRoots(trust, trust.facts)
  signer = currentIssuer(await trust.certificates(), 'timestamp-signer')
  const [leaf, intermediate, root] = signer.chain
  assert.ok(leaf && intermediate && root)
  put('leaf.pem', toPem(leaf.raw))
  put('issuing.pem', toPem(intermediate.raw))
  put('root.pem', toPem(root.raw))
})

after(async () => {
  await trust.close()
  rmSync(trust.folder, { recursive: true })
})

/** The time that the standing clock shows, in whole seconds that are not before it. */
const now = () => String(Math.ceil(trust.clock.now().getTime() / 1000))

for (const certReq of [true, false]) {
  test(`openssl accepts a timestamp ${certReq ? 'with' : 'without'} certificates in it, for these bytes alone`, async () => {
    const authority = { signer: await openIssuer(signer, trust.onlineKeys), floor: await openTimeFloor(trust) }
    const digest = new Uint8Array(hash('sha256', 'a signature', 'buffer'))
    put('answer.tsr', await stamp(authority, { hash: 'sha256', digest, certReq, nonce: 1n }))
    put('data', 'a signature')
    put('other', 'another signature')
    put(
      'untrusted.pem',
      signer.chain
        .slice(0, -1)
        .map(({ raw }) => toPem(raw))
        .join(''),
    )
    const anchors = ['-CAfile', 'root.pem', '-untrusted', 'untrusted.pem', '-attime', now()]
    const verify = ['ts', '-verify', '-in', 'answer.tsr', ...anchors]
    accepts(/Verification: OK/, ...verify, '-data', 'data')
    refuses(/message imprint mismatch/, ...verify, '-data', 'other')
  })
}

test('openssl reads the lists, finds the revoked certificate and lets the others pass', async () => {
  await publishRootCrls(trust, trust.facts)
  const publish = async () => publishCrls({ ...trust, issuers: await trust.issuers(), known: new Map() }, trust.facts)
  const verify = async () => {
    const lists = signer.chain.slice(1).map(({ keyId }) => trust.blobs.get(crlBlobKey(keyId, 0)))
    const der = (await Promise.all(lists)) as Uint8Array[]
    put('lists.pem', der.map((list) => writePem('X509 CRL', list)).join(''))
    const anchors = ['-CAfile', 'root.pem', '-untrusted', 'issuing.pem', '-CRLfile', 'lists.pem', '-attime', now()]
    return ['verify', '-crl_check_all', '-extended_crl', '-purpose', 'timestampsign', ...anchors, 'leaf.pem']
  }
  await publish()
  accepts(/leaf\.pem: OK/, ...(await verify()))
  trust.clock.advance(1000)
  await trust.database.transaction<TrustTables, void>('test', (trx) =>
    revokeCertificate(
      { trx, outbox: trust.outbox, now: trust.clock.now() },
      {
        serial: signer.chain[0]?.serialHex ?? '',
        issuerKeyId: signer.issuerKeyId,
        effect: { kind: 'distrusted', from: trust.clock.now() },
        reason: 'keyCompromise',
      },
    ),
  )
  await publish()
  refuses(/certificate revoked/, ...(await verify()))
})
