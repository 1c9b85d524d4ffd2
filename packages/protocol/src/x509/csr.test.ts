import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { bitString, integer, oid, sequence, set, tagged } from '../der/writeDer.ts'
import { CodedError } from '../errors/codedError.ts'
import { makeTestKey, type TestKey } from './authorityFixture.ts'
import { assembleCertificateRequest, parseCertificateRequest, signCertificateRequest, writeRequestInfo } from './csr.ts'
import { keyUsage, subjectAltName, writeExtensions } from './extensions.ts'
import { EMPTY_NAME, writeName } from './name.ts'
import { algorithmIdentifier } from './signatureAlgorithm.ts'

const key = makeTestKey()

function request(info: Uint8Array, signer: TestKey = key): Uint8Array {
  return assembleCertificateRequest(info, signer.signatureAlgorithm, signer.sign(info))
}

for (const algorithm of ['ecdsa-sha256', 'ecdsa-sha384', 'rsa-sha256', 'ed25519'] as const) {
  test(`a request signed with ${algorithm} is read`, () => {
    const signer = makeTestKey(algorithm)
    const read = parseCertificateRequest(request(writeRequestInfo({ spki: signer.spki }), signer))
    assert.deepEqual(read.spki, signer.spki)
    assert.deepEqual(read.subject, EMPTY_NAME)
    assert.deepEqual(read.extensions, [])
    assert.equal(read.publicKey.type, 'public')
  })
}

for (const algorithm of ['ecdsa-sha256', 'ecdsa-sha384', 'ecdsa-sha512', 'rsa-sha256', 'ed25519'] as const) {
  test(`a whole request is written with a key for ${algorithm}`, () => {
    const { privateKey, spki } = makeTestKey(algorithm)
    const subject = writeName({ commonName: 'front' })
    const read = parseCertificateRequest(signCertificateRequest(privateKey, subject))
    assert.deepEqual(read.spki, spki)
    assert.deepEqual(read.subject, subject)
  })
}

test('x509.key-unsupported: a request with a key of another kind', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  assert.throws(() => signCertificateRequest(privateKey), { code: 'x509.key-unsupported' })
})

test('subject and requested extensions are read', () => {
  const subject = writeName({ commonName: 'device 1' })
  const extensions = [keyUsage(['digitalSignature']), subjectAltName([{ type: 'dns', value: 'a.example' }], false)]
  const read = parseCertificateRequest(request(writeRequestInfo({ spki: key.spki, subject, extensions })))
  assert.deepEqual(read.subject, subject)
  assert.deepEqual(read.extensions, extensions)
})

test('a request without the attributes part is read', () => {
  const info = sequence(integer(0), EMPTY_NAME, key.spki)
  assert.deepEqual(parseCertificateRequest(request(info)).extensions, [])
})

test('attributes of other kinds are passed over', () => {
  const challenge = sequence(oid('1.2.840.113549.1.9.7'), set(integer(1)))
  const info = sequence(integer(0), EMPTY_NAME, key.spki, tagged(0xa0, challenge))
  assert.deepEqual(parseCertificateRequest(request(info)).extensions, [])
})

const wanted = sequence(oid('1.2.840.113549.1.9.14'), set(writeExtensions([keyUsage(['digitalSignature'])])))
const sound = writeRequestInfo({ spki: key.spki })
const stranger = makeTestKey()

const bad: readonly (readonly [what: string, make: () => Uint8Array, code: string])[] = [
  [
    'of another version',
    () => request(sequence(integer(1), EMPTY_NAME, key.spki, tagged(0xa0))),
    'x509.request-malformed',
  ],
  [
    'that asks for extensions twice',
    () => request(sequence(integer(0), EMPTY_NAME, key.spki, tagged(0xa0, wanted, wanted))),
    'x509.request-malformed',
  ],
  [
    'with a subject that is no name',
    () => request(sequence(integer(0), sequence(integer(1)), key.spki, tagged(0xa0))),
    'x509.request-malformed',
  ],
  [
    'with something after its attributes',
    () => request(sequence(integer(0), EMPTY_NAME, key.spki, tagged(0xa0), integer(1))),
    'x509.request-malformed',
  ],
  [
    'with something after its signature',
    () => sequence(sound, algorithmIdentifier('ecdsa-sha256'), bitString(key.sign(sound)), integer(1)),
    'x509.request-malformed',
  ],
  ['that is larger than 16 KiB', () => new Uint8Array((16 << 10) + 1), 'x509.request-malformed'],
  ['that is empty', () => new Uint8Array(), 'x509.request-malformed'],
  ['signed by another key', () => request(sound, stranger), 'x509.request-signature-wrong'],
  [
    'whose key was exchanged',
    () => assembleCertificateRequest(writeRequestInfo({ spki: stranger.spki }), 'ecdsa-sha256', key.sign(sound)),
    'x509.request-signature-wrong',
  ],
  [
    'signed with another algorithm than it says',
    () => assembleCertificateRequest(sound, 'ecdsa-sha384', key.sign(sound)),
    'x509.request-signature-wrong',
  ],
  [
    'signed with SHA-1',
    () => sequence(sound, sequence(oid('1.2.840.10045.4.1')), bitString(key.sign(sound))),
    'x509.algorithm-unsupported',
  ],
  [
    'with a key of an unsupported kind',
    () => request(writeRequestInfo({ spki: sequence(sequence(oid('1.2.3')), bitString(Uint8Array.of(1))) })),
    'x509.key-unsupported',
  ],
]

for (const [what, make, code] of bad) {
  test(`a request ${what} is refused with ${code}`, () =>
    assert.throws(() => parseCertificateRequest(make()), { code }))
}

test('a changed request ends in a coded error', () => {
  const bytes = request(sound)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
      const changed = bytes.map((byte, i) => (i === at ? byte ^ difference : byte))
      assert.throws(
        () => parseCertificateRequest(changed),
        (error) => error instanceof CodedError && error.code.startsWith('x509.'),
      )
    }),
    { numRuns: 500 },
  )
})
