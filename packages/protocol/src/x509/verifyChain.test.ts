import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bitString, nullValue, sequence } from '../der/writeDer.ts'
import {
  identifierExtensions,
  makeTestIdentity,
  makeTestIssuer,
  makeTestKey,
  makeTestRoot,
  makeTestTimestampLeaf,
  sealTestCertificate,
  signTestCertificate,
  TEST_TIME,
  type TestAuthority,
  type TestCertificateParts,
  testDay,
} from './authorityFixture.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { basicConstraints, type Extension, extendedKeyUsage, keyUsage } from './extensions.ts'
import { writeName } from './name.ts'
import { type ChainRequest, verifyChain, verifyIssuedBy } from './verifyChain.ts'

const root = makeTestRoot('root')
const issuer = makeTestIssuer(root, 'codeSigning')
const log = makeTestKey()
const leaf = makeTestIdentity(issuer, log).certificate
const sound: ChainRequest = {
  leaf,
  intermediates: [issuer.certificate],
  anchors: [root.certificate],
  at: TEST_TIME,
  purpose: 'codeSigning',
}

test('a sound chain is returned leaf first, anchor last', () => {
  const chain = verifyChain(sound)
  assert.deepEqual(
    chain.map(({ serialHex }) => serialHex),
    [leaf, issuer.certificate, root.certificate].map(({ serialHex }) => serialHex),
  )
})

test('an issuing authority may itself be the anchor', () => {
  assert.equal(verifyChain({ ...sound, intermediates: [], anchors: [issuer.certificate] }).length, 2)
})

test('first and last moment of every certificate count', () => {
  assert.equal(verifyChain({ ...sound, at: leaf.notBefore }).length, 3)
  assert.equal(verifyChain({ ...sound, at: leaf.notAfter }).length, 3)
})

test('intermediates may be in any order and hold strangers', () => {
  const stranger = makeTestIssuer(makeTestRoot('other'), 'codeSigning').certificate
  assert.equal(
    verifyChain({ ...sound, intermediates: [root.certificate, stranger, leaf, issuer.certificate] }).length,
    3,
  )
})

test('where two issuers have one name, the one whose key signed is found', () => {
  const twin = makeTestIssuer(root, 'codeSigning')
  const bare = signTestCertificate(
    { spki: log.spki, extensions: [keyUsage(['digitalSignature']), extendedKeyUsage(['codeSigning'])] },
    issuer,
  )
  assert.equal(bare.authorityKeyId, undefined)
  const chain = verifyChain({ ...sound, leaf: bare, intermediates: [twin.certificate, issuer.certificate] })
  assert.equal(chain[1], issuer.certificate)
})

test('an expired issuer does not hide its valid renewal', () => {
  const expired = makeTestIssuer(root, 'codeSigning', { notAfter: testDay(-1) }, issuer.key).certificate
  assert.equal(verifyChain({ ...sound, intermediates: [expired, issuer.certificate] })[1], issuer.certificate)
})

test('timestamp and TLS certificates verify for their purpose', () => {
  const timestamps = makeTestIssuer(root, 'timeStamping')
  const tsa = makeTestTimestampLeaf(timestamps).certificate
  const intermediates = [timestamps.certificate]
  assert.equal(verifyChain({ ...sound, leaf: tsa, intermediates, purpose: 'timeStamping' }).length, 3)
  const servers = makeTestIssuer(root, 'serverAuth')
  const tls = leafUnder(servers, [keyUsage(['digitalSignature']), extendedKeyUsage(['serverAuth', 'clientAuth'])])
  assert.equal(
    verifyChain({ ...sound, leaf: tls, intermediates: [servers.certificate], purpose: 'serverAuth' }).length,
    3,
  )
})

function leafUnder(authority: TestAuthority, extensions: readonly Extension[]): Certificate {
  const all = [...extensions, ...identifierExtensions(log.spki, authority)]
  return signTestCertificate({ spki: log.spki, extensions: all }, authority)
}

/** The same chain through another issuing certificate for the same key. */
function under(parts: Parameters<typeof makeTestIssuer>[2]): Partial<ChainRequest> {
  return { intermediates: [makeTestIssuer(root, 'codeSigning', parts, issuer.key).certificate] }
}

/** `certificate` with one bit of its signature changed. */
function forged(certificate: Certificate): Certificate {
  const raw = certificate.raw.slice()
  raw[raw.length - 1] = (raw[raw.length - 1] as number) ^ 1
  return parseCertificate(raw)
}

function issuing(...extensions: Extension[]) {
  return under({ extensions: [...extensions, ...identifierExtensions(issuer.key.spki, root)] })
}

const AUTHORITY = basicConstraints({ ca: true, pathLength: 0 })
const CODE = extendedKeyUsage(['codeSigning'])
const SIGNS = keyUsage(['keyCertSign', 'cRLSign'])
const UNKNOWN = { oid: '1.2.3.4', critical: true, value: nullValue() }
const otherRoot = makeTestRoot('root')
const timestampIssuer = makeTestIssuer(root, 'timeStamping')

function timestampLeaf(...usages: Parameters<typeof extendedKeyUsage>): Partial<ChainRequest> {
  const { certificate } = makeTestTimestampLeaf(timestampIssuer, {
    extensions: [keyUsage(['digitalSignature']), extendedKeyUsage(...usages)],
  })
  return { leaf: certificate, intermediates: [timestampIssuer.certificate], purpose: 'timeStamping' }
}

/** Two authorities with eight certificates each, all signed by the other one: paths without end. */
function crossSigned(): Partial<ChainRequest> {
  const [first, second] = ['first', 'second'].map((commonName) => {
    const key = makeTestKey()
    const subject = writeName({ commonName })
    const fields = { subject, spki: key.spki, extensions: [basicConstraints({ ca: true }), SIGNS] }
    return { key, fields, authority: { key, certificate: signTestCertificate(fields, root) } }
  })
  assert.ok(first && second)
  const eight = (fields: TestCertificateParts, signer: TestAuthority) =>
    Array.from({ length: 8 }, () => signTestCertificate(fields, signer))
  const intermediates = [...eight(first.fields, second.authority), ...eight(second.fields, first.authority)]
  return { leaf: leafUnder(first.authority, [CODE]), intermediates }
}

/** A chain of `length` authorities between leaf and anchor. */
function deep(length: number): Partial<ChainRequest> {
  let above = root
  const intermediates: Certificate[] = []
  for (let level = 0; level < length; level++) {
    const key = makeTestKey()
    const extensions = [basicConstraints({ ca: true }), SIGNS]
    const subject = writeName({ commonName: `level ${level}` })
    above = { key, certificate: signTestCertificate({ subject, spki: key.spki, extensions }, above) }
    intermediates.push(above.certificate)
  }
  return { leaf: leafUnder(above, [CODE]), intermediates }
}

test('five authorities between leaf and anchor are followed', () => {
  assert.equal(verifyChain({ ...sound, ...deep(5) }).length, 7)
})

const bad: readonly (readonly [what: string, change: () => Partial<ChainRequest>, code: string])[] = [
  ['a moment before the leaf', () => ({ at: new Date(leaf.notBefore.getTime() - 1) }), 'x509.not-yet-valid'],
  ['a moment after the leaf', () => ({ at: new Date(leaf.notAfter.getTime() + 1) }), 'x509.expired'],
  ['no time at all', () => ({ at: new Date(Number.NaN) }), 'x509.not-yet-valid'],
  ['an issuer that was not yet valid', () => under({ notBefore: testDay(1) }), 'x509.not-yet-valid'],
  ['an issuer that had expired', () => under({ notAfter: testDay(-1) }), 'x509.expired'],
  ['an anchor that had expired', () => ({ leaf: leafUnder(root, [CODE]), at: testDay(4000) }), 'x509.expired'],
  ['no intermediate', () => ({ intermediates: [] }), 'x509.untrusted'],
  ['no anchor', () => ({ anchors: [] }), 'x509.untrusted'],
  ['a root of the same name with another key', () => ({ anchors: [otherRoot.certificate] }), 'x509.untrusted'],
  [
    'the root only among the intermediates',
    () => ({ intermediates: [issuer.certificate, root.certificate], anchors: [otherRoot.certificate] }),
    'x509.untrusted',
  ],
  ['endless cross-signatures', crossSigned, 'x509.too-many-issuers'],
  ['six authorities between leaf and anchor', () => deep(6), 'x509.untrusted'],
  ['a changed signature on the leaf', () => ({ leaf: forged(leaf) }), 'x509.signature-wrong'],
  [
    'a changed signature on the issuer',
    () => ({ intermediates: [forged(issuer.certificate)] }),
    'x509.signature-wrong',
  ],
  [
    'a leaf by another key of the same name',
    () => ({ leaf: leafUnder({ ...issuer, key: log }, [CODE]) }),
    'x509.signature-wrong',
  ],
  ['a root as leaf', () => ({ leaf: root.certificate }), 'x509.wrong-purpose'],
  ['an issuing authority as leaf', () => ({ leaf: issuer.certificate, intermediates: [] }), 'x509.wrong-purpose'],
  ['a leaf for another purpose', () => ({ purpose: 'serverAuth' }), 'x509.wrong-purpose'],
  [
    'a leaf without purpose',
    () => ({ leaf: leafUnder(issuer, [keyUsage(['digitalSignature'])]) }),
    'x509.wrong-purpose',
  ],
  [
    'a leaf that may not sign',
    () => ({ leaf: leafUnder(issuer, [keyUsage(['keyAgreement']), CODE]) }),
    'x509.wrong-purpose',
  ],
  [
    'a leaf of an issuer for another purpose',
    () => ({ leaf: leafUnder(timestampIssuer, [CODE]), intermediates: [timestampIssuer.certificate] }),
    'x509.wrong-purpose',
  ],
  ['a timestamp leaf whose usage is not critical', () => timestampLeaf(['timeStamping'], false), 'x509.wrong-purpose'],
  [
    'a timestamp leaf with a second usage',
    () => timestampLeaf(['timeStamping', 'codeSigning'], true),
    'x509.wrong-purpose',
  ],
  [
    'an unknown critical extension on the leaf',
    () => ({ leaf: leafUnder(issuer, [CODE, UNKNOWN]) }),
    'x509.critical-extension',
  ],
  [
    'an unknown critical extension on the issuer',
    () => issuing(AUTHORITY, SIGNS, CODE, UNKNOWN),
    'x509.critical-extension',
  ],
  ['a precertificate', () => ({ leaf: precertificate() }), 'x509.critical-extension'],
  ['an issuer that is no authority', () => issuing(basicConstraints({ ca: false }), CODE), 'x509.constraints'],
  ['an issuer without basic constraints', () => issuing(CODE), 'x509.constraints'],
  [
    'an issuer that may not sign certificates',
    () => issuing(AUTHORITY, keyUsage(['cRLSign']), CODE),
    'x509.constraints',
  ],
  ['an authority below one that allows none', belowAuthority, 'x509.constraints'],
  ['an issuer with a key of an unsupported kind', () => under({ spki: oddKey() }), 'x509.key-unsupported'],
]

function precertificate(): Certificate {
  const poison = { oid: '1.3.6.1.4.1.11129.2.4.3', critical: true, value: nullValue() }
  return leafUnder(issuer, [CODE, poison])
}

function belowAuthority(): Partial<ChainRequest> {
  const lower = makeTestIssuer(issuer, 'codeSigning', { subject: writeName({ commonName: 'lower' }) })
  return { leaf: leafUnder(lower, [CODE]), intermediates: [lower.certificate, issuer.certificate] }
}

function oddKey(): Uint8Array {
  return sequence(sequence(Uint8Array.of(6, 1, 42)), bitString(Uint8Array.of(1)))
}

for (const [what, change, code] of bad) {
  test(`a chain with ${what} is refused with ${code}`, () => {
    assert.throws(() => verifyChain({ ...sound, ...change() }), { code })
    // Nothing that was remembered from a refused chain makes it pass, nor the sound one fail.
    assert.throws(() => verifyChain({ ...sound, ...change() }), { code })
    assert.equal(verifyChain(sound).length, 3)
  })
}

test('verifyIssuedBy looks at the signature alone', () => {
  verifyIssuedBy(leaf, issuer.certificate)
  assert.throws(() => verifyIssuedBy(leaf, root.certificate), { code: 'x509.signature-wrong' })
  assert.throws(() => verifyIssuedBy(sealTestCertificate(leaf.tbs, root), root.certificate), { code: 'x509.malformed' })
})
