/**
 * openssl judges what we write, and we judge what openssl writes. Fails, never skips, where openssl is missing:
 * a conformance that did not run is not conformance.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTimestampRequest } from '@countersign/protocol/timestamp/request.ts'
import { refuseTimestamp } from '@countersign/protocol/timestamp/response.ts'
import { makeTestTimestampAuthority, stampForTest } from '@countersign/protocol/timestamp/timestampFixture.ts'
import {
  identifierExtensions,
  makeTestIdentity,
  makeTestIssuer,
  makeTestKey,
  makeTestRoot,
  signTestCertificate,
  TEST_TIME,
  testDay,
} from '@countersign/protocol/x509/authorityFixture.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { assembleCrl, type CrlEntry, writeTbsCertList } from '@countersign/protocol/x509/crl.ts'
import {
  assembleCertificateRequest,
  parseCertificateRequest,
  writeRequestInfo,
} from '@countersign/protocol/x509/csr.ts'
import { extendedKeyUsage, keyUsage, subjectAltName } from '@countersign/protocol/x509/extensions.ts'
import { writeName } from '@countersign/protocol/x509/name.ts'
import { readPem, writePem } from '@countersign/protocol/x509/pem.ts'
import { openOpenssl } from './openssl.ts'

const { ask, accepts, refuses, put, read } = openOpenssl()

const root = makeTestRoot('root')
const issuer = makeTestIssuer(root, 'codeSigning')
const identity = makeTestIdentity(issuer, makeTestKey())
const seconds = String(TEST_TIME.getTime() / 1000 + 1)
put('root.pem', toPem(root.certificate.raw))
put('issuer.pem', toPem(issuer.certificate.raw))
put('leaf.pem', toPem(identity.certificate.raw))
const verifyLeaf = ['verify', '-x509_strict', '-attime', seconds, '-CAfile', 'root.pem', '-untrusted', 'issuer.pem']

test('openssl is there', () => accepts(/^OpenSSL 3\./, 'version'))

test('openssl verifies our identity certificate, and refuses it with one byte changed', () => {
  accepts(/leaf\.pem: OK/, ...verifyLeaf, 'leaf.pem')
  const changed = identity.certificate.raw.slice()
  changed[changed.length - 1] = (changed[changed.length - 1] as number) ^ 1
  put('changed.pem', toPem(changed))
  refuses(/certificate signature failure/, ...verifyLeaf, 'changed.pem')
})

test('openssl prints the extensions of the identity certificate as we meant them', () => {
  const { output } = ask('x509', '-in', 'leaf.pem', '-noout', '-text')
  const expected = [
    /Version: 3 \(0x2\)/,
    /Subject: *\n/,
    /X509v3 Key Usage: critical\n +Digital Signature\n/,
    /X509v3 Extended Key Usage: \n +Code Signing\n/,
    /X509v3 Subject Alternative Name: critical\n +email:dev@example\.com\n/,
    /X509v3 CRL Distribution Points: \n +Full Name:\n +URI:http:\/\/sign\.example\.com\/crl\/1\.crl/,
    /CA Issuers - URI:http:\/\/sign\.example\.com\/issuer\/1\.cer/,
    /1\.3\.6\.1\.4\.1\.57264\.1\.8: \n +\.\.https:\/\/sign\.example\.com\/oidc/,
    /CT Precertificate SCTs: \n +Signed Certificate Timestamp:\n +Version +: v1 \(0x0\)/,
    /Timestamp : Nov 20 12:00:00\.000 2026 GMT\n +Extensions: 00:00:05:00:00:00:00:07\n +Signature : ecdsa-with-SHA256/,
  ]
  for (const pattern of expected) assert.match(output, pattern)
})

for (const algorithm of [
  'ecdsa-sha256',
  'ecdsa-sha384',
  'ecdsa-sha512',
  'rsa-sha256',
  'rsa-sha512',
  'ed25519',
] as const) {
  test(`openssl verifies a chain signed with ${algorithm}`, () => {
    const other = makeTestRoot(algorithm, makeTestKey(algorithm))
    const under = makeTestIssuer(other, 'serverAuth')
    put('any-root.pem', toPem(other.certificate.raw))
    put('any.pem', toPem(under.certificate.raw))
    accepts(/any\.pem: OK/, 'verify', '-x509_strict', '-attime', seconds, '-CAfile', 'any-root.pem', 'any.pem')
  })
}

test('openssl takes our TLS certificate for its host, its address and for servers only', () => {
  const servers = makeTestIssuer(root, 'serverAuth')
  const key = makeTestKey()
  const names = [
    { type: 'dns', value: 'sign.example.com' },
    { type: 'ip', value: '::1' },
  ] as const
  const extensions = [keyUsage(['digitalSignature']), extendedKeyUsage(['serverAuth']), subjectAltName(names, true)]
  const tls = signTestCertificate(
    { spki: key.spki, extensions: [...extensions, ...identifierExtensions(key.spki, servers)] },
    servers,
  )
  put('servers.pem', toPem(servers.certificate.raw))
  put('tls.pem', toPem(tls.raw))
  const verify = ['verify', '-attime', seconds, '-CAfile', 'root.pem', '-untrusted', 'servers.pem']
  accepts(/OK/, ...verify, '-purpose', 'sslserver', '-verify_hostname', 'sign.example.com', 'tls.pem')
  accepts(/OK/, ...verify, '-purpose', 'sslserver', '-verify_ip', '::1', 'tls.pem')
  refuses(/hostname mismatch/i, ...verify, '-verify_hostname', 'other.example.com', 'tls.pem')
  refuses(
    /unsuitable certificate purpose|unsupported certificate purpose/i,
    ...verify,
    '-purpose',
    'sslclient',
    'tls.pem',
  )
})

function putList(
  name: string,
  entries: readonly CrlEntry[],
  distributionPointUrl = 'http://sign.example.com/crl/1.crl',
): void {
  const { certificate, key } = issuer
  const tbs = writeTbsCertList({
    issuer: certificate.subject,
    thisUpdate: testDay(-1),
    nextUpdate: testDay(1),
    number: 1_763_640_000_000_000_000n,
    entries,
    distributionPointUrl,
    authorityKeyId: certificate.subjectKeyId as Uint8Array,
    signatureAlgorithm: key.signatureAlgorithm,
  })
  put(name, writePem('X509 CRL', assembleCrl(tbs, key.signatureAlgorithm, key.sign(tbs))))
}

const gone: CrlEntry = {
  serial: identity.certificate.serial,
  revocationDate: testDay(-1),
  invalidityDate: testDay(-1),
  reason: 'keyCompromise',
}

test('openssl verifies our CRL, prints it, and finds the revoked certificate on it', () => {
  putList('empty.crl', [])
  putList('gone.crl', [gone])
  accepts(/verify OK/, 'crl', '-in', 'gone.crl', '-CAfile', 'issuer.pem', '-noout')
  const { output } = ask('crl', '-in', 'gone.crl', '-noout', '-text')
  for (const pattern of [
    /Issuing Distribution Point: critical\n +Full Name:\n +URI:http:\/\/sign\.example\.com\/crl\/1\.crl\s+Only User Certificates/,
    /X509v3 CRL Number: \n +(1763640000000000000|0x1879BA3E9C6D8000)/,
    /Key Compromise/,
    /Invalidity Date: \n +Nov 19 12:00:00 2026 GMT/,
  ]) {
    assert.match(output, pattern)
  }
  accepts(/leaf\.pem: OK/, ...verifyLeaf, '-crl_check', '-CRLfile', 'empty.crl', 'leaf.pem')
  refuses(/certificate revoked/, ...verifyLeaf, '-crl_check', '-CRLfile', 'gone.crl', 'leaf.pem')
})

test('openssl does not take the CRL of another shard or a changed one', () => {
  putList('other.crl', [], 'http://sign.example.com/crl/2.crl')
  refuses(/scope|unable to get certificate CRL/i, ...verifyLeaf, '-crl_check', '-CRLfile', 'other.crl', 'leaf.pem')
  putList('sound.crl', [])
  const changed = readPem(read('sound.crl').toString(), ['X509 CRL'])[0] as Uint8Array
  changed[changed.length - 1] = (changed[changed.length - 1] as number) ^ 1
  put('changed.crl', writePem('X509 CRL', changed))
  refuses(/CRL signature failure/, ...verifyLeaf, '-crl_check', '-CRLfile', 'changed.crl', 'leaf.pem')
})

test('openssl verifies our requests, and we read those of openssl', () => {
  const key = makeTestKey()
  const info = writeRequestInfo({
    spki: key.spki,
    subject: writeName({ commonName: 'device' }),
    extensions: [subjectAltName([{ type: 'dns', value: 'a.example' }], false)],
  })
  put(
    'ours.csr',
    writePem('CERTIFICATE REQUEST', assembleCertificateRequest(info, key.signatureAlgorithm, key.sign(info))),
  )
  accepts(/verify OK/, 'req', '-in', 'ours.csr', '-verify', '-noout')
  accepts(/DNS:a\.example/, 'req', '-in', 'ours.csr', '-noout', '-text')
  accepts(/^/, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'theirs.key')
  accepts(/^/, 'req', '-new', '-key', 'theirs.key', '-subj', '/', '-out', 'theirs.csr')
  const [theirs] = readPem(read('theirs.csr').toString(), ['CERTIFICATE REQUEST'])
  assert.equal(parseCertificateRequest(theirs as Uint8Array).publicKey.asymmetricKeyType, 'ec')
})

const timestamps = makeTestTimestampAuthority()
const [tsaLeaf, tsaIssuer, tsaRoot] = timestamps.chain
const verifyStamp = ['ts', '-verify', '-attime', seconds, '-CAfile', 'tsa-root.pem', '-untrusted', 'tsa-all.pem']
put('tsa-root.pem', toPem(tsaRoot?.raw as Uint8Array))
put('tsa-all.pem', [tsaLeaf, tsaIssuer].map((certificate) => toPem(certificate?.raw as Uint8Array)).join(''))
put('tsa-leaf.pem', toPem(tsaLeaf?.raw as Uint8Array))
put('data.txt', 'stamped bytes')
const stamped = new TextEncoder().encode('stamped bytes')

test('openssl takes our timestamp certificate for timestamps', () => {
  const verify = ['verify', '-x509_strict', '-attime', seconds, '-CAfile', 'tsa-root.pem', '-untrusted', 'tsa-all.pem']
  accepts(/OK/, ...verify, '-purpose', 'timestampsign', 'tsa-leaf.pem')
})

for (const options of [
  ['-sha256'],
  ['-sha256', '-cert'],
  ['-sha384', '-no_nonce', '-cert'],
  ['-sha512', '-no_nonce'],
]) {
  test(`openssl verifies our answer to its request ${options.join(' ')}`, () => {
    accepts(/^/, 'ts', '-query', '-data', 'data.txt', ...options, '-out', 'query.tsq')
    const request = parseTimestampRequest(new Uint8Array(read('query.tsq')))
    const response = stampForTest(timestamps, stamped, { request })
    put('answer.tsr', response)
    accepts(/Verification: OK/, ...verifyStamp, '-queryfile', 'query.tsq', '-in', 'answer.tsr')
    accepts(/Verification: OK/, ...verifyStamp, '-data', 'data.txt', '-in', 'answer.tsr')
    put('other.txt', 'other bytes')
    refuses(/message imprint mismatch/, ...verifyStamp, '-data', 'other.txt', '-in', 'answer.tsr')
    const changed = response.slice()
    changed[changed.length - 1] = (changed[changed.length - 1] as number) ^ 1
    put('changed.tsr', changed)
    refuses(
      /signature failure|bad signature|Verification: FAILED/,
      ...verifyStamp,
      '-data',
      'data.txt',
      '-in',
      'changed.tsr',
    )
  })
}

test('openssl prints our timestamp as we meant it', () => {
  put('answer.tsr', stampForTest(timestamps, stamped))
  const { output } = ask('ts', '-reply', '-in', 'answer.tsr', '-text')
  for (const pattern of [
    /Status: Granted\./,
    /Policy OID: 1\.3\.6\.1\.4\.1\.57264\.2/,
    /Hash Algorithm: sha256/,
    /Time stamp: Nov 20 12:00:00 2026 GMT/,
    /Accuracy: 0x01 seconds/,
    /Ordering: no/,
    /TSA: DirName:\/?O ?= ?Test, ?CN ?= ?timestamps|TSA: DirName:\/O=Test\/CN=timestamps/,
  ]) {
    assert.match(output, pattern)
  }
})

for (const [failure, words] of [
  ['badAlg', /unrecognized or unsupported algorithm/],
  ['badRequest', /transaction not permitted or supported/],
  ['badDataFormat', /the data submitted has the wrong format/],
  ['timeNotAvailable', /TSA's time source is not available/],
  ['unacceptedPolicy', /TSA policy is not supported/],
  ['unacceptedExtension', /extension is not supported/],
  ['addInfoNotAvailable', /additional information requested/],
  ['systemFailure', /cannot be handled due to system failure/],
] as const) {
  test(`openssl reads our refusal ${failure}`, () => {
    put('refusal.tsr', refuseTimestamp(failure))
    const { output } = ask('ts', '-reply', '-in', 'refusal.tsr', '-text')
    assert.match(output, /Status: Rejected\./)
    assert.match(output, words)
  })
}
