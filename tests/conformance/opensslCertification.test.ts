/** openssl judges the certificate of a certification and what becomes of it on the revocation lists. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import { CERTIFICATION_OID } from '@countersign/protocol/x509/certification.ts'
import { writePem } from '@countersign/protocol/x509/pem.ts'
import { type IssuedCertification, issueCertification } from 'countersign-server/trust/authority/issueCertification.ts'
import { crlShard } from 'countersign-server/trust/authority/serial.ts'
import { addRevocation } from 'countersign-server/trust/revocation/addRevocation.ts'
import { crlBlobKey } from 'countersign-server/trust/revocation/publishCrls.ts'
import {
  certificationRequest,
  distribute,
  type RunningTrust,
  revokerPolicy,
  signedLeaf,
  startTrust,
  testKey,
} from 'countersign-server/trust/revocationFixture.ts'
import { openTrustFixture, type TrustFixture } from 'countersign-server/trust/trustFixture.ts'
import { openOpenssl } from './openssl.ts'

const { accepts, refuses, put } = openOpenssl()
const validator = { name: 'one', sameOperator: true }
const own = testKey()
let place: TrustFixture
let running: RunningTrust
let ended: IssuedCertification
let other: IssuedCertification

before(async () => {
  place = await openTrustFixture(mkdtempSync(path.join(tmpdir(), 'openssl-certification-')), new Date())
  running = await startTrust(place)
  const authority = running.trust.certifications.template.issuer.keyId
  const key = {
    name: 'one',
    spki: own.spki,
    scopes: ['certifications' as const],
    validator: { name: 'one', authority },
  }
  await distribute(running, revokerPolicy(running.logs.revocations, [key]))
  ended = await certify('11'.repeat(32))
  other = await certify('22'.repeat(32))
  put('ended.pem', ended.certificates[0] ?? '')
  put('other.pem', other.certificates[0] ?? '')
  put('issuing.pem', ended.certificates[1] ?? '')
  put('root.pem', ended.certificates[2] ?? '')
})

after(async () => {
  await running.stop()
  await place.close()
  rmSync(place.folder, { recursive: true })
})

function certify(sha256: string): Promise<IssuedCertification> {
  return issueCertification(
    running.trust.certifications,
    validator,
    certificationRequest(running, { validator, sha256 }),
  )
}

/** As openssl is asked about one certificate, with the list that its own address names. */
async function verify(name: string, { certificates }: IssuedCertification): Promise<string[]> {
  const [leaf, issuing] = parsePemCertificates(certificates.join(''))
  assert.ok(leaf && issuing)
  const shard = crlShard(leaf.serial, 64)
  assert.ok(leaf.crlUrls[0]?.endsWith(`/crl/${issuing.keyId}/${shard}.crl`))
  const list = await place.blobs.get(crlBlobKey(issuing.keyId, shard))
  put('list.pem', writePem('X509 CRL', list as Uint8Array))
  const at = String(Math.ceil(place.clock.now().getTime() / 1000))
  const anchors = ['-CAfile', 'root.pem', '-untrusted', 'issuing.pem', '-CRLfile', 'list.pem', '-attime', at]
  return ['verify', '-crl_check', '-extended_crl', '-purpose', 'any', ...anchors, name]
}

test('openssl verifies the chain, and shows validator, number and digest', async () => {
  accepts(/ended\.pem: OK/, ...(await verify('ended.pem', ended)))
  const shown = ['x509', '-in', 'ended.pem', '-noout', '-text']
  accepts(/URI:https:\/\/sign\.example\.test:8443\/validators\/one/, ...shown)
  accepts(new RegExp(CERTIFICATION_OID.replaceAll('.', '\\.')), ...shown)
})

test('after its revocation openssl finds the ended one revoked, from its own beginning, and lets the other pass', async () => {
  place.clock.advance(2000)
  const envelope = signedLeaf(
    {
      scope: 'certifications',
      effect: 'ended',
      authority: ended.authority,
      numbers: [ended.number],
      advisories: ['GHSA-jchw-25xp-jwwc'],
      reason: 'follow-redirects before 1.15.4',
      issuedAt: place.clock.now(),
    },
    own,
  )
  await addRevocation(running.revocations, 'one', { envelope, knownExploited: false, malware: false })
  await running.trust.publishCrls()
  refuses(/certificate revoked/, ...(await verify('ended.pem', ended)))
  const [leaf] = parsePemCertificates(ended.certificates.join(''))
  const begun = leaf?.notBefore.toUTCString().replace(/^\w+, 0?(\d+) (\w+) (\d+) ([\d:]+) GMT$/, '$2 +$1 $4 $3')
  accepts(
    new RegExp(`Revocation Date: ${begun}[^]*Invalidity Date[^]*${begun}`),
    'crl',
    '-in',
    'list.pem',
    '-noout',
    '-text',
  )
  accepts(/other\.pem: OK/, ...(await verify('other.pem', other)))
})
