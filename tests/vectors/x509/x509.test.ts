import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import { parseCrl, verifyCrl } from '@countersign/protocol/x509/crl.ts'
import { parseCertificateRequest } from '@countersign/protocol/x509/csr.ts'
import { readIdentity } from '@countersign/protocol/x509/fulcio.ts'
import { nameText } from '@countersign/protocol/x509/name.ts'
import { verifyChain, verifyIssuedBy } from '@countersign/protocol/x509/verifyChain.ts'

type DocumentName = 'root.der' | 'issuer.der' | 'leaf.der' | 'leaf.csr' | 'list.der'

// Written by openssl; see makeVectors.ts.
const documents = JSON.parse(readFileSync(new URL('documents.json', import.meta.url), 'utf8')) as Record<
  DocumentName,
  string
>

/** A document, with one run of bytes that occurs in it replaced by another of the same length. */
function document(name: DocumentName, from = '', to = ''): Uint8Array {
  const hex = Uint8Array.fromBase64(documents[name]).toHex()
  assert.ok(from.length === to.length && hex.includes(from), `${name} holds ${from}`)
  return Uint8Array.fromHex(hex.replace(from, to))
}

const root = parseCertificate(document('root.der'))
const issuer = parseCertificate(document('issuer.der'))
const leaf = parseCertificate(document('leaf.der'))
const at = new Date(leaf.notBefore.getTime() + 1000)

for (const [name, certificate] of [
  ['root.der', root],
  ['issuer.der', issuer],
  ['leaf.der', leaf],
] as const) {
  test(`Node and we read the same from ${name}`, () => {
    const node = new X509Certificate(document(name))
    assert.equal(certificate.serialHex, node.serialNumber.toLowerCase())
    assert.deepEqual([certificate.notBefore, certificate.notAfter], [node.validFromDate, node.validToDate])
    assert.deepEqual(certificate.extendedKeyUsage, node.keyUsage)
    assert.equal(certificate.basicConstraints?.ca === true, node.ca)
  })
}

test('names, identity and addresses are those that openssl was told', () => {
  assert.equal(root.subjectText, 'CN=Root ü,O=Vectors')
  assert.equal(issuer.subjectText, 'CN=Issuer\\, first,OU=development,O=Vectors,C=DE')
  assert.deepEqual(leaf.subjectAltNames, [
    { type: 'email', value: 'dev@example.com' },
    { type: 'uri', value: 'https://example.com/a' },
    { type: 'dns', value: 'example.com' },
    { type: 'ip', value: '192.0.2.1' },
    { type: 'ip', value: '2001:db8::1' },
    { type: 'other', oid: '1.3.6.1.4.1.57264.1.7', value: 'jens' },
  ])
  assert.deepEqual([leaf.crlUrls, leaf.issuerUrls], [['http://example.com/1.crl'], ['http://example.com/1.cer']])
  const subjectAltNames = leaf.subjectAltNames.slice(0, 1)
  const identity = readIdentity({ ...leaf, subjectAltNames })
  assert.deepEqual(identity, { issuer: 'https://example.com/oidc', subject: 'dev@example.com', subjectType: 'email' })
})

test('the chain verifies', () => {
  assert.equal(verifyChain({ leaf, intermediates: [issuer], anchors: [root], at, purpose: 'codeSigning' }).length, 3)
})

test('the request is read', () => {
  const request = parseCertificateRequest(document('leaf.csr'))
  assert.equal(nameText(request.subject), 'CN=leaf')
  assert.deepEqual(request.spki, leaf.spki)
  assert.deepEqual(
    request.extensions.map(({ oid }) => oid),
    ['2.5.29.17'],
  )
})

test('the list is read and verified', () => {
  const list = parseCrl(document('list.der'))
  verifyCrl(list, issuer)
  assert.equal(list.number, 0x1234abcdn)
  assert.equal(list.distributionPointUrl, 'http://example.com/1.crl')
  assert.equal(list.scope, 'leaves')
  assert.deepEqual(list.entries, [
    {
      serial: Uint8Array.of(0x80, 0xff, 1),
      revocationDate: new Date('2026-01-02T03:04:05Z'),
      reason: 'keyCompromise',
      invalidityDate: new Date('2026-01-01T00:00:00Z'),
    },
  ])
})

function asLeaf(bytes: Uint8Array): unknown {
  return verifyChain({
    leaf: parseCertificate(bytes),
    intermediates: [issuer],
    anchors: [root],
    at,
    purpose: 'codeSigning',
  })
}

const text = (value: string) => new TextEncoder().encode(value).toHex()
const bad: readonly (readonly [what: string, read: () => unknown, code: string])[] = [
  ['another e-mail address', () => asLeaf(document('leaf.der', text('dev@'), text('dev1'))), 'x509.signature-wrong'],
  ['another issuer claim', () => asLeaf(document('leaf.der', text('/oidc'), text('/oidd'))), 'x509.signature-wrong'],
  ['another issuer name', () => asLeaf(document('leaf.der', text('first'), text('other'))), 'x509.untrusted'],
  ['another purpose', () => asLeaf(document('leaf.der', '2b06010505070303', '2b06010505070301')), 'x509.wrong-purpose'],
  [
    'an unknown critical extension',
    () => asLeaf(document('leaf.der', '0603551d0f', '0603551d7f')),
    'x509.critical-extension',
  ],
  ['no power over others', () => asLeaf(document('issuer.der')), 'x509.wrong-purpose'],
  ['version 1', () => asLeaf(document('leaf.der', 'a003020102', 'a003020100')), 'x509.malformed'],
  [
    'a NULL where a name stands',
    () => asLeaf(document('leaf.der', '300f310d300b0603', '050d310d300b0603')),
    'x509.malformed',
  ],
  ['a thirteenth month', () => asLeaf(document('leaf.der', '170d', '170e')), 'x509.malformed'],
  ['an extension twice', () => asLeaf(document('leaf.der', '0603551d1f', '0603551d11')), 'x509.malformed'],
  ['an encoding that is BER', () => asLeaf(document('leaf.der', '0101ff', '010101')), 'x509.malformed'],
  [
    'SHA-1 in its name',
    () => asLeaf(document('leaf.der', '2a8648ce3d040303', '2a8648ce3d040301')),
    'x509.algorithm-unsupported',
  ],
  ['SHA-256 in its name', () => asLeaf(document('leaf.der', '2a8648ce3d040303', '2a8648ce3d040302')), 'x509.malformed'],
  ['another root', () => verifyIssuedBy(leaf, root), 'x509.signature-wrong'],
  [
    'another name in the request',
    () => parseCertificateRequest(document('leaf.csr', text('leaf'), text('boss'))),
    'x509.request-signature-wrong',
  ],
  [
    'another host in the request',
    () => parseCertificateRequest(document('leaf.csr', text('asked'), text('other'))),
    'x509.request-signature-wrong',
  ],
  [
    'another version of the request',
    () => parseCertificateRequest(document('leaf.csr', '020100300f', '020101300f')),
    'x509.request-malformed',
  ],
  ['a request that is a certificate', () => parseCertificateRequest(document('leaf.der')), 'x509.request-malformed'],
  [
    'another serial number in the list',
    () => verifyCrl(parseCrl(document('list.der', '0080ff01', '0080ff02')), issuer),
    'x509.crl-signature-wrong',
  ],
  [
    'another number of the list',
    () => verifyCrl(parseCrl(document('list.der', '1234abcd', '1234abce')), issuer),
    'x509.crl-signature-wrong',
  ],
  [
    'another address of the list',
    () => verifyCrl(parseCrl(document('list.der', text('/1.crl'), text('/2.crl'))), issuer),
    'x509.crl-signature-wrong',
  ],
  [
    'another name on the list',
    () => verifyCrl(parseCrl(document('list.der', text('first'), text('other'))), issuer),
    'x509.crl-wrong-issuer',
  ],
  ['the root for the list', () => verifyCrl(parseCrl(document('list.der')), root), 'x509.crl-wrong-issuer'],
  ['a delta list', () => parseCrl(document('list.der', '0603551d1c', '0603551d1b')), 'x509.critical-extension'],
  ['a list for attribute certificates', () => parseCrl(document('list.der', '8101ff', '8501ff')), 'x509.crl-malformed'],
  ['a reason that does not exist', () => parseCrl(document('list.der', '0a0101', '0a0107')), 'x509.crl-malformed'],
  ['a list that is a certificate', () => parseCrl(document('leaf.der')), 'x509.crl-malformed'],
]

for (const [what, read, code] of bad) {
  test(`refuse with ${code}: ${what}`, () => assert.throws(read, { code }))
}
