import assert from 'node:assert/strict'
import { hash, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  bitString,
  explicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  tagged,
  time,
  utf8String,
} from '../der/writeDer.ts'
import { CodedError } from '../errors/codedError.ts'
import {
  makeTestIdentity,
  makeTestIssuer,
  makeTestKey,
  makeTestRoot,
  sealTestCertificate,
  signTestCertificate,
  TEST_TIME,
  testDay,
} from './authorityFixture.ts'
import { parseCertificate, parsePemCertificates, toPem } from './certificate.ts'
import {
  basicConstraints,
  type Extension,
  extendedKeyUsage,
  keyIdentifier,
  keyUsage,
  subjectAltName,
  writeExtensions,
} from './extensions.ts'
import { EMPTY_NAME, writeName } from './name.ts'
import { EXTENSION_OIDS } from './oids.ts'
import { algorithmIdentifier, type SignatureAlgorithm } from './signatureAlgorithm.ts'

const root = makeTestRoot('root')
const issuer = makeTestIssuer(root, 'codeSigning')
const log = makeTestKey()
const identity = makeTestIdentity(issuer, log).certificate

test('Node reads the same from a certificate as we do', () => {
  const node = new X509Certificate(identity.raw)
  assert.equal(node.serialNumber.toLowerCase(), identity.serialHex)
  assert.equal(node.issuer, 'O=Test\nCN=codeSigning authority')
  assert.equal(identity.issuerText, 'CN=codeSigning authority,O=Test')
  assert.equal(node.subject ?? '', identity.subjectText)
  assert.equal(node.validFromDate.getTime(), identity.notBefore.getTime())
  assert.equal(node.validToDate.getTime(), identity.notAfter.getTime())
  assert.equal(node.subjectAltName, 'email:dev@example.com')
  assert.equal(node.ca, false)
  assert.deepEqual(node.keyUsage, identity.extendedKeyUsage)
  assert.deepEqual(new Uint8Array(node.publicKey.export({ type: 'spki', format: 'der' })), identity.spki)
  assert.equal(node.verify(issuer.certificate.publicKey), true)
  assert.equal(node.checkIssued(new X509Certificate(issuer.certificate.raw)), true)
})

test('every part of a certificate is read', () => {
  assert.equal(identity.keyId, hash('sha256', identity.spki))
  assert.deepEqual(identity.keyUsage, new Set(['digitalSignature']))
  assert.deepEqual(identity.subjectAltNames, [{ type: 'email', value: 'dev@example.com' }])
  assert.deepEqual(identity.subjectKeyId, keyIdentifier(identity.spki))
  assert.deepEqual(identity.authorityKeyId, issuer.certificate.subjectKeyId)
  assert.deepEqual(identity.crlUrls, ['http://sign.example.com/crl/1.crl'])
  assert.deepEqual(identity.issuerUrls, ['http://sign.example.com/issuer/1.cer'])
  assert.equal(identity.basicConstraints, undefined)
  assert.deepEqual(issuer.certificate.basicConstraints, { ca: true, pathLength: 0 })
  assert.deepEqual(root.certificate.basicConstraints, { ca: true })
  assert.equal(identity.publicKey.asymmetricKeyType, 'ec')
})

for (const algorithm of ['ecdsa-sha256', 'ecdsa-sha384', 'ecdsa-sha512', 'rsa-sha256', 'ed25519'] as const) {
  test(`Node verifies what a ${algorithm} root signs`, () => {
    const { certificate } = makeTestRoot('other root', makeTestKey(algorithm))
    assert.equal(certificate.signatureAlgorithm, algorithm satisfies SignatureAlgorithm)
    assert.equal(new X509Certificate(certificate.raw).verify(certificate.publicKey), true)
  })
}

test('any name, serial number, validity and path length is read back', () => {
  const key = makeTestKey('ed25519')
  const authority = { certificate: makeTestRoot('quick', key).certificate, key }
  const days = fc.integer({ min: -20_000, max: 100_000 })
  const texts = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
      texts,
      days,
      fc.nat(300),
      (serial, text, day, pathLength) => {
        serial[0] = (serial[0] as number) | 1
        const certificate = signTestCertificate(
          {
            serial,
            subject: writeName({ organizationalUnit: text }),
            notBefore: testDay(day),
            notAfter: testDay(day + 1),
            spki: key.spki,
            extensions: [basicConstraints({ ca: true, pathLength })],
          },
          authority,
        )
        assert.deepEqual(certificate.serial, serial)
        assert.deepEqual(certificate.subject, writeName({ organizationalUnit: text }))
        assert.deepEqual([certificate.notBefore, certificate.notAfter], [testDay(day), testDay(day + 1)])
        assert.deepEqual(certificate.basicConstraints, { ca: true, pathLength })
      },
    ),
    { numRuns: 50 },
  )
})

test('a changed or cut certificate ends in a certificate or a coded error', () => {
  const bytes = identity.raw
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.boolean(), (at, value, cut) => {
      const changed = cut ? bytes.slice(0, at) : bytes.slice()
      if (!cut) changed[at] = value
      try {
        const certificate = parseCertificate(changed)
        assert.ok([certificate.serialHex, certificate.issuerText, certificate.subjectText, certificate.keyId])
        assert.ok(certificate.publicKey)
      } catch (error) {
        assert.ok(error instanceof CodedError && error.code.startsWith('x509.'), String(error))
      }
    }),
    { numRuns: 1500 },
  )
})

test('certificates go through PEM, in order, with text around them', () => {
  const text = `root below\n${toPem(identity.raw)}\r\n# issuer\n${toPem(issuer.certificate.raw)}`
  assert.deepEqual(
    parsePemCertificates(text).map(({ raw }) => raw),
    [identity.raw, issuer.certificate.raw],
  )
  assert.equal(new X509Certificate(toPem(identity.raw)).serialNumber.toLowerCase(), identity.serialHex)
})

/** The parts of a TBSCertificate, each replaceable. */
const soundParts = {
  version: explicit(0, integer(2)),
  serial: integer(5),
  algorithm: algorithmIdentifier('ecdsa-sha384'),
  issuer: root.certificate.subject,
  validity: sequence(time(TEST_TIME), time(testDay(1))),
  subject: EMPTY_NAME,
  spki: log.spki,
  extensions: explicit(3, writeExtensions([keyUsage(['digitalSignature'])])),
}

type Parts = Partial<Record<keyof typeof soundParts, Uint8Array>>

function seal(parts: Parts) {
  return sealTestCertificate(sequence(...Object.values({ ...soundParts, ...parts })), root)
}

function sealWith(extension: Extension) {
  return seal({ extensions: explicit(3, writeExtensions([extension])) })
}

function extension(oid: string, value: Uint8Array): Extension {
  return { oid, critical: false, value }
}

const ALT = EXTENSION_OIDS.subjectAltName
const twice = [keyUsage(['digitalSignature']), keyUsage(['digitalSignature'])]
const withFalse = sequence(sequence(oid('1.2.3'), Uint8Array.of(1, 1, 0), octetString(nullValue())))

const malformed: readonly (readonly [what: string, make: () => unknown])[] = [
  ['version 1', () => seal({ version: explicit(0, integer(0)) })],
  ['no version', () => seal({ version: new Uint8Array() })],
  ['serial number 0', () => seal({ serial: integer(0) })],
  ['a negative serial number', () => seal({ serial: integer(-1) })],
  ['a serial number of 21 bytes', () => seal({ serial: integer(new Uint8Array(21).fill(1)) })],
  ['two different signature algorithms', () => seal({ algorithm: algorithmIdentifier('ecdsa-sha256') })],
  [
    'a time that is no date',
    () => seal({ validity: sequence(tagged(0x17, new Uint8Array(13).fill(0x39)), time(TEST_TIME)) }),
  ],
  ['three times', () => seal({ validity: sequence(time(TEST_TIME), time(TEST_TIME), time(TEST_TIME)) })],
  ['a name that is no name', () => seal({ subject: sequence(integer(1)) })],
  [
    'a name whose level is a SEQUENCE',
    () => seal({ subject: sequence(sequence(sequence(oid('2.5.4.3'), utf8String('a')))) }),
  ],
  ['a key without bits', () => seal({ spki: sequence(sequence(oid('1.2.3'))) })],
  ['two sets of extensions', () => seal({ extensions: explicit(3, new Uint8Array([0x30, 0, 0x30, 0])) })],
  ['no extension where extensions are announced', () => seal({ extensions: explicit(3, sequence()) })],
  ['an extension that stands twice', () => seal({ extensions: explicit(3, writeExtensions(twice)) })],
  ['a critical flag that says FALSE', () => seal({ extensions: explicit(3, withFalse) })],
  [
    '101 extensions',
    () =>
      seal({
        extensions: explicit(
          3,
          writeExtensions(Array.from({ length: 101 }, (_, i) => extension(`1.2.${i}`, nullValue()))),
        ),
      }),
  ],
  ['something after the extensions', () => seal({ extensions: new Uint8Array([...soundParts.extensions, 5, 0]) })],
  ['a path length without authority', () => sealWith(extension(EXTENSION_OIDS.basicConstraints, sequence(integer(1))))],
  ['cA that says FALSE', () => sealWith(extension(EXTENSION_OIDS.basicConstraints, sequence(Uint8Array.of(1, 1, 0))))],
  [
    'a negative path length',
    () => sealWith(extension(EXTENSION_OIDS.basicConstraints, sequence(Uint8Array.of(1, 1, 255), integer(-1)))),
  ],
  ['a key usage without usages', () => sealWith(extension(EXTENSION_OIDS.keyUsage, bitString(new Uint8Array())))],
  ['an extended key usage without usages', () => sealWith(extension(EXTENSION_OIDS.extendedKeyUsage, sequence()))],
  ['alternative names without a name', () => sealWith(extension(ALT, sequence()))],
  ['alternative names that are no list', () => sealWith(extension(ALT, integer(1)))],
  ['an IP address of 5 bytes', () => sealWith(extension(ALT, sequence(tagged(0x87, new Uint8Array(5)))))],
  [
    'an e-mail address outside ASCII',
    () => sealWith(extension(ALT, sequence(tagged(0x81, Uint8Array.of(0xc3, 0xa4))))),
  ],
  ['an otherName without value', () => sealWith(extension(ALT, sequence(tagged(0xa0, oid('1.2.3'), tagged(0xa0)))))],
  ['an extension value that is not DER', () => sealWith(extension(ALT, Uint8Array.of(0x30, 0x80)))],
  ['a certificate in a certificate', () => parseCertificate(sequence(identity.raw))],
  ['more than 64 KiB', () => parseCertificate(new Uint8Array((64 << 10) + 1))],
  ['a byte after the end', () => parseCertificate(new Uint8Array([...identity.raw, 0]))],
  ['nothing', () => parseCertificate(new Uint8Array())],
]

for (const [what, make] of malformed) {
  test(`a certificate with ${what} is malformed`, () => assert.throws(make, { code: 'x509.malformed' }))
}

test('the parts of those tables make a sound certificate where nothing is replaced', () => {
  assert.equal(seal({}).serialHex, '05')
})

test('a signature algorithm that is not supported is named as such', () => {
  const sha1 = sequence(oid('1.2.840.10045.4.1'))
  assert.throws(() => seal({ algorithm: sha1 }), { code: 'x509.algorithm-unsupported' })
})

test('a key of an unsupported kind is found when it is asked for', () => {
  const certificate = seal({ spki: sequence(sequence(oid('1.2.3')), bitString(Uint8Array.of(1))) })
  assert.throws(() => certificate.publicKey, { code: 'x509.key-unsupported' })
})

test('alternative names of every kind are read', () => {
  const names = [
    { type: 'email', value: 'a@example.com' },
    { type: 'dns', value: 'example.com' },
    { type: 'uri', value: 'https://example.com/a' },
    { type: 'ip', value: '127.0.0.1' },
    { type: 'ip', value: '::1' },
    { type: 'ip', value: '2001:db8::5:0' },
    { type: 'other', oid: '1.3.6.1.4.1.57264.1.7', value: 'jürgen' },
  ] as const
  assert.deepEqual(sealWith(subjectAltName(names, true)).subjectAltNames, names)
})

test('alternative names of unknown kinds cannot pass for others', () => {
  const directory = tagged(0xa4, writeName({ commonName: 'a' }))
  const foreign = tagged(0xa0, oid('1.2.3'), explicit(0, utf8String('dev@example.com')))
  const [first, second] = sealWith(extension(ALT, sequence(directory, foreign))).subjectAltNames
  assert.deepEqual(first, { type: 'other', value: directory.toHex() })
  assert.deepEqual(second, { type: 'other', oid: '1.2.3', value: utf8String('dev@example.com').toHex() })
})

const unwritable: readonly (readonly [what: string, write: () => unknown])[] = [
  ['a key usage without usages', () => keyUsage([])],
  ['alternative names without a name', () => subjectAltName([], true)],
  ['an IP address that is none', () => subjectAltName([{ type: 'ip', value: '1.2.3' }], true)],
  ['an IP address with 256', () => subjectAltName([{ type: 'ip', value: '1.2.3.256' }], true)],
  ['an IP address with a port', () => subjectAltName([{ type: 'ip', value: '::1]:80/[' }], true)],
  ['an otherName of another kind', () => subjectAltName([{ type: 'other', oid: '1.2.3', value: 'a' }], true)],
]

for (const [what, write] of unwritable) {
  test(`${what} is not written`, () => assert.throws(write, { code: 'x509.unwritable' }))
}

test('key usages up to the ninth bit are read back', () => {
  const usages = ['digitalSignature', 'keyAgreement', 'decipherOnly'] as const
  assert.deepEqual(sealWith(keyUsage(usages)).keyUsage, new Set(usages))
})

test('extended key usages are not critical unless told so', () => {
  assert.equal(extendedKeyUsage(['codeSigning']).critical, false)
  assert.equal(extendedKeyUsage(['timeStamping'], true).critical, true)
})
