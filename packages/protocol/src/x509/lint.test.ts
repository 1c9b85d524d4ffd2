import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bitString, nullValue, oid, sequence } from '../der/writeDer.ts'
import {
  identifierExtensions,
  makeTestIdentity,
  makeTestIssuer,
  makeTestKey,
  makeTestRoot,
  makeTestTimestampLeaf,
  signTestCertificate,
  TEST_TIME,
  type TestAuthority,
  type TestIdentityParts,
  testDay,
} from './authorityFixture.ts'
import type { Certificate } from './certificate.ts'
import { CERTIFICATION_OID, certificationExtension } from './certification.ts'
import {
  authorityInformationAccess,
  authorityKeyIdentifier,
  basicConstraints,
  crlDistributionPoints,
  type Extension,
  extendedKeyUsage,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from './extensions.ts'
import {
  lintCertificationCertificate,
  lintIdentityCertificate,
  lintIssuingCertificate,
  lintRootCertificate,
  lintTimestampCertificate,
  lintTlsCertificate,
} from './lint.ts'
import { EMPTY_NAME, writeName } from './name.ts'
import { EXTENSION_OIDS } from './oids.ts'
import { poisonExtension } from './sct.ts'

const root = makeTestRoot('root')
const issuer = makeTestIssuer(root, 'codeSigning')
const servers = makeTestIssuer(root, 'serverAuth')
const timestamps = makeTestIssuer(root, 'timeStamping')
const log = makeTestKey()
const key = makeTestKey()

function breaksRule(check: () => void, rule: RegExp): void {
  assert.throws(check, (error: { code?: string; detail?: { rule?: string } }) => {
    assert.equal(error.code, 'x509.profile')
    assert.match(String(error.detail?.rule), rule)
    return true
  })
}

/** Replaces the extension of the same type, or adds it. */
function having(...replacements: Extension[]): (sound: Extension[]) => Extension[] {
  const types = new Set(replacements.map(({ oid: type }) => type))
  return (sound) => [...replacements, ...sound.filter(({ oid: type }) => !types.has(type))]
}

function lacking(type: string): (sound: Extension[]) => Extension[] {
  return (sound) => sound.filter(({ oid: other }) => other !== type)
}

test('sound certificates of every profile pass', () => {
  lintRootCertificate(root.certificate)
  lintIssuingCertificate(issuer.certificate, root.certificate, 'codeSigning')
  lintTimestampCertificate(makeTestTimestampLeaf(timestamps).certificate, timestamps.certificate)
  lintTlsCertificate(tlsLeaf(), servers.certificate)
  lintIdentityCertificate(makeTestIdentity(issuer, log).certificate, issuer.certificate)
})

test('a precertificate passes in place of its certificate', () => {
  const { certificate } = makeTestIdentity(issuer, log, {
    extensions: (sound) => [...sound.slice(0, -1), poisonExtension()],
  })
  lintIdentityCertificate(certificate, issuer.certificate)
})

const unknownKey = sequence(sequence(oid('1.2.3')), bitString(Uint8Array.of(1)))
const URI = { type: 'uri', value: 'https://example.com' } as const
const EMAIL = { type: 'email', value: 'dev@example.com' } as const
const CRL = 'http://sign.example.com/1.crl'
const ISSUER_CLAIM = '1.3.6.1.4.1.57264.1.8'

const identities: readonly (readonly [what: string, parts: TestIdentityParts, rule: RegExp])[] = [
  ['a short serial number', { serial: new Uint8Array(11).fill(1) }, /serial number/],
  ['a serial number of 21 bytes with its sign', { serial: new Uint8Array(20).fill(0xff) }, /serial number/],
  ['a key of an unsupported kind', { key: { ...key, spki: unknownKey } }, /supported kind/],
  [
    'another subject key identifier',
    { extensions: having(subjectKeyIdentifier(log.spki)) },
    /subject key identifier is that/,
  ],
  [
    'no subject key identifier',
    { extensions: lacking(EXTENSION_OIDS.subjectKeyIdentifier) },
    /subject key identifier is that/,
  ],
  [
    'another authority key identifier',
    { extensions: having(authorityKeyIdentifier(new Uint8Array(20))) },
    /authority key identifier/,
  ],
  [
    'no authority key identifier',
    { extensions: lacking(EXTENSION_OIDS.authorityKeyIdentifier) },
    /authority key identifier/,
  ],
  ['a start before its issuer', { notBefore: testDay(-60), notAfter: testDay(-60) }, /within the validity/],
  ['an end after its issuer', { notAfter: testDay(2000) }, /within the validity/],
  [
    'a CRL address that is not plain',
    { extensions: having(crlDistributionPoints(['https://a.example/1.crl'])) },
    /plain HTTP/,
  ],
  ['two CRL addresses', { extensions: having(crlDistributionPoints([CRL, CRL])) }, /plain HTTP/],
  [
    'an issuer address that is none',
    { extensions: having(authorityInformationAccess({ caIssuers: 'issuer' })) },
    /plain HTTP/,
  ],
  ['the power of an authority', { extensions: having(basicConstraints({ ca: true })) }, /no authority/],
  [
    'a key usage too many',
    { extensions: having(keyUsage(['digitalSignature', 'keyAgreement'])) },
    /key usage is critical/,
  ],
  [
    'a key usage that is not critical',
    { extensions: having({ ...keyUsage(['digitalSignature']), critical: false }) },
    /key usage is critical/,
  ],
  ['eleven minutes', { notAfter: new Date(TEST_TIME.getTime() + 660_000) }, /10 minutes/],
  ['no duration', { notAfter: TEST_TIME }, /10 minutes/],
  ['a subject', { subject: writeName({ commonName: 'me' }) }, /subject is empty/],
  ['two identities', { extensions: having(subjectAltName([EMAIL, URI], true)) }, /exactly one identity/],
  ['a host name', { name: { type: 'dns', value: 'example.com' } }, /exactly one identity/],
  [
    'an alternative name that is not critical',
    { extensions: having(subjectAltName([EMAIL], false)) },
    /alternative name is critical/,
  ],
  [
    'a second extended key usage',
    { extensions: having(extendedKeyUsage(['codeSigning', 'clientAuth'])) },
    /extended key usage/,
  ],
  [
    'a critical extended key usage',
    { extensions: having(extendedKeyUsage(['codeSigning'], true)) },
    /extended key usage/,
  ],
  ['no CRL address', { extensions: lacking(EXTENSION_OIDS.crlDistributionPoints) }, /one CRL and one issuer/],
  ['no issuer address', { extensions: lacking(EXTENSION_OIDS.authorityInformationAccess) }, /one CRL and one issuer/],
  [
    'an unknown extension',
    { extensions: having({ oid: '1.2.3', critical: false, value: nullValue() }) },
    /no extensions but/,
  ],
  [
    'a critical claim',
    { extensions: (sound) => sound.map((one) => (one.oid === ISSUER_CLAIM ? { ...one, critical: true } : one)) },
    /no claim is critical/,
  ],
  ['the issuer in its new form alone', { extensions: lacking('1.3.6.1.4.1.57264.1.1') }, /both forms/],
  ['the issuer in its old form alone', { extensions: lacking(ISSUER_CLAIM) }, /both forms/],
  ['no SCT', { extensions: (sound) => sound.slice(0, -1) }, /stands last/],
  ['an SCT list that is not last', { extensions: (sound) => sound.toReversed() }, /stands last/],
  [
    'an SCT list and the poison',
    { extensions: (sound) => [poisonExtension(), ...lacking(EXTENSION_OIDS.precertificatePoison)(sound)] },
    /stands last/,
  ],
]

for (const [what, parts, rule] of identities) {
  test(`an identity certificate with ${what} is not issued`, () => {
    const { certificate } = makeTestIdentity(issuer, log, parts)
    breaksRule(() => lintIdentityCertificate(certificate, issuer.certificate), rule)
  })
}

test('an identity certificate under another issuer is not issued', () => {
  const { certificate } = makeTestIdentity(issuer, log)
  const twin = makeTestIssuer(root, 'codeSigning', {}, makeTestKey())
  breaksRule(() => lintIdentityCertificate(certificate, root.certificate), /named as it names itself/)
  breaksRule(() => lintIdentityCertificate(certificate, twin.certificate), /made the signature/)
})

const VALIDATORS = 'https://sign.example.com/validators'
const OPERATOR_CLAIM = '1.3.6.1.4.1.57264.1.11'
const mark = certificationExtension({ number: 7n, digests: [new Uint8Array(32)] })

function makeTestCertification(parts: TestIdentityParts = {}): Certificate {
  return makeTestIdentity(issuer, log, {
    name: { type: 'uri', value: `${VALIDATORS}/embedded` },
    claims: { issuer: VALIDATORS, runnerEnvironment: 'other-operator' },
    notAfter: testDay(90),
    ...parts,
    extensions: (sound) => (parts.extensions ?? ((them) => them))([...sound.slice(0, -1), mark, ...sound.slice(-1)]),
  }).certificate
}

test('a certificate of a certification passes, and so does its precertificate', () => {
  lintCertificationCertificate(makeTestCertification(), issuer.certificate)
  const extensions = (sound: Extension[]) => [...sound.slice(0, -1), poisonExtension()]
  lintCertificationCertificate(makeTestCertification({ extensions }), issuer.certificate)
})

const named = (value: string) => ({ name: { type: 'uri', value } as const })
const operated = (runnerEnvironment: string) => ({ claims: { issuer: VALIDATORS, runnerEnvironment } })

const certifications: readonly (readonly [what: string, parts: TestIdentityParts, rule: RegExp])[] = [
  ['401 days', { notAfter: testDay(401) }, /400 days/],
  ['a subject', { subject: writeName({ commonName: 'me' }) }, /subject is empty/],
  ['no number', { extensions: lacking(CERTIFICATION_OID) }, /number and digests/],
  [
    'a critical number',
    { extensions: (sound) => sound.map((one) => (one === mark ? { ...one, critical: true } : one)) },
    /number and digests/,
  ],
  [
    'a number that cannot be read',
    { extensions: (sound) => sound.map((one) => (one === mark ? { ...one, value: nullValue() } : one)) },
    /number and digests/,
  ],
  [
    'an unknown extension',
    { extensions: having({ oid: '1.2.3', critical: false, value: nullValue() }) },
    /no extensions but/,
  ],
  ['a key on P-384', { key: makeTestKey('ecdsa-sha384') }, /P-256/],
  ['an RSA key', { key: makeTestKey('rsa-sha256') }, /P-256/],
  ['an e-mail address', { name: EMAIL }, /names a validator/],
  ['a validator of another instance', named('https://other.example.com/validators/embedded'), /names a validator/],
  ['a name with a slash', named(`${VALIDATORS}/embedded/more`), /names a validator/],
  ['no name', named(`${VALIDATORS}/`), /names a validator/],
  [
    'an issuer that is not one of validators',
    {
      ...named('https://a.example/oidc/x'),
      claims: { issuer: 'https://a.example/oidc', runnerEnvironment: 'same-operator' },
    },
    /names a validator/,
  ],
  [
    'another claim',
    { claims: { issuer: VALIDATORS, runnerEnvironment: 'same-operator', tokenSubject: 'x' } },
    /only other claim/,
  ],
  ['nothing about its operator', { claims: { issuer: VALIDATORS } }, /who operates/],
  ['an unknown operator', operated('github-hosted'), /who operates/],
  [
    'an operator claim that cannot be read',
    { extensions: (sound) => sound.map((one) => (one.oid === OPERATOR_CLAIM ? { ...one, value: nullValue() } : one)) },
    /names a validator|exactly one identity/,
  ],
  ['no SCT', { extensions: (sound) => sound.slice(0, -1) }, /stands last/],
]

for (const [what, parts, rule] of certifications) {
  test(`a certificate of a certification with ${what} is not issued`, () => {
    const certificate = makeTestCertification(parts)
    breaksRule(() => lintCertificationCertificate(certificate, issuer.certificate), rule)
  })
}

test('neither profile lets a certificate of the other pass', () => {
  const sound = makeTestCertification({ notAfter: new Date(TEST_TIME.getTime() + 600_000) })
  breaksRule(() => lintIdentityCertificate(sound, issuer.certificate), /no extensions but/)
  const { certificate } = makeTestIdentity(issuer, log)
  breaksRule(() => lintCertificationCertificate(certificate, issuer.certificate), /number and digests/)
  const reserved = { ...named(`${VALIDATORS}/embedded`), claims: { issuer: VALIDATORS } }
  const posing = makeTestIdentity(issuer, log, reserved).certificate
  breaksRule(() => lintIdentityCertificate(posing, issuer.certificate), /not that of a validator/)
})

const AUTHORITY = basicConstraints({ ca: true, pathLength: 0 })
const SIGNS = keyUsage(['keyCertSign', 'cRLSign'])
const CODE = extendedKeyUsage(['codeSigning'])

function issuing(parts: { extensions?: Extension[]; subject?: Uint8Array; notAfter?: Date }): Certificate {
  const { extensions = [AUTHORITY, SIGNS, CODE], ...fields } = parts
  return makeTestIssuer(
    root,
    'codeSigning',
    { ...fields, extensions: [...extensions, ...identifierExtensions(key.spki, root)] },
    key,
  ).certificate
}

const authorities: readonly (readonly [what: string, parts: Parameters<typeof issuing>[0], rule: RegExp])[] = [
  ['no name', { subject: EMPTY_NAME }, /subject has a name/],
  ['no basic constraints', { extensions: [SIGNS, CODE] }, /basic constraints/],
  [
    'basic constraints that are not critical',
    { extensions: [{ ...AUTHORITY, critical: false }, SIGNS, CODE] },
    /basic constraints/,
  ],
  [
    'room for more authorities',
    { extensions: [basicConstraints({ ca: true, pathLength: 1 }), SIGNS, CODE] },
    /no authority may follow/,
  ],
  ['no path length', { extensions: [basicConstraints({ ca: true }), SIGNS, CODE] }, /no authority may follow/],
  ['no right to sign lists', { extensions: [AUTHORITY, keyUsage(['keyCertSign']), CODE] }, /key usage/],
  ['no purpose', { extensions: [AUTHORITY, SIGNS] }, /extended key usage/],
  ['another purpose', { extensions: [AUTHORITY, SIGNS, extendedKeyUsage(['timeStamping'])] }, /extended key usage/],
  ['an end after its root', { notAfter: testDay(5000) }, /within the validity/],
]

for (const [what, parts, rule] of authorities) {
  test(`an issuing certificate with ${what} is not issued`, () => {
    breaksRule(() => lintIssuingCertificate(issuing(parts), root.certificate, 'codeSigning'), rule)
  })
}

test('a root that is limited, or none, is not issued', () => {
  breaksRule(() => lintRootCertificate(issuer.certificate), /named as it names itself/)
  const self = signTestCertificate(
    {
      subject: root.certificate.subject,
      spki: root.key.spki,
      extensions: [basicConstraints({ ca: true }), SIGNS, CODE, subjectKeyIdentifier(root.key.spki)],
    },
    root,
  )
  breaksRule(() => lintRootCertificate(self), /no extended key usage/)
})

test('a timestamp certificate keeps to RFC 3161', () => {
  const leaf = (usage: Extension, parts: { subject?: Uint8Array; notAfter?: Date } = {}) => {
    const extensions = [keyUsage(['digitalSignature']), usage, ...identifierExtensions(key.spki, timestamps)]
    return makeTestTimestampLeaf(timestamps, { ...parts, extensions }, key).certificate
  }
  const usage = extendedKeyUsage(['timeStamping'], true)
  const lint = (certificate: Certificate) => () => lintTimestampCertificate(certificate, timestamps.certificate)
  breaksRule(lint(leaf(extendedKeyUsage(['timeStamping'], false))), /extended key usage is critical/)
  breaksRule(lint(leaf(extendedKeyUsage(['timeStamping', 'codeSigning'], true))), /extended key usage is critical/)
  breaksRule(lint(leaf(usage, { subject: EMPTY_NAME })), /subject has a name/)
  breaksRule(lint(leaf(usage, { notAfter: testDay(-2) })), /135 months/)
})

function tlsLeaf(
  change: (sound: Extension[]) => Extension[] = (sound) => sound,
  authority: TestAuthority = servers,
): Certificate {
  const sound = [
    keyUsage(['digitalSignature']),
    extendedKeyUsage(['serverAuth']),
    subjectAltName(
      [
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ],
      false,
    ),
    ...identifierExtensions(key.spki, authority),
  ]
  return signTestCertificate({ spki: key.spki, extensions: change(sound) }, authority)
}

test('a TLS certificate names hosts, for servers, for a year at most', () => {
  const lint = (certificate: Certificate) => () => lintTlsCertificate(certificate, servers.certificate)
  breaksRule(lint(tlsLeaf(lacking(EXTENSION_OIDS.subjectAltName))), /at least one host/)
  breaksRule(lint(tlsLeaf(having(subjectAltName([EMAIL], false)))), /at least one host/)
  breaksRule(lint(tlsLeaf(having(CODE))), /extended key usage/)
  const long = signTestCertificate({ ...tlsLeaf(), notAfter: testDay(400) }, servers)
  breaksRule(lint(long), /398 days/)
})
