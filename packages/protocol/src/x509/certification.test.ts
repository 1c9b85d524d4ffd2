import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { integer, nullValue, octetString, oid, sequence } from '../der/writeDer.ts'
import { makeTestIdentity, makeTestIssuer, makeTestKey, makeTestRoot } from './authorityFixture.ts'
import { CERTIFICATION_OID, certificationExtension, readCertificationExtension } from './certification.ts'
import { SHA256_OID } from './oids.ts'

const DIGEST = new Uint8Array(32).fill(0xab)
const OTHER = new Uint8Array(32).fill(0xcd)
const MAX_NUMBER = 2n ** 63n - 1n
const numbered = (value: Uint8Array, critical = false) => ({
  extensions: [{ oid: CERTIFICATION_OID, critical, value }],
})

test('number and digests come back as they were written', () => {
  fc.assert(
    fc.property(
      fc.bigInt(1n, MAX_NUMBER),
      fc.uniqueArray(fc.uint8Array({ minLength: 32, maxLength: 32 }), {
        minLength: 1,
        maxLength: 16,
        selector: (digest) => digest.join(),
      }),
      (number, digests) => {
        const read = readCertificationExtension({ extensions: [certificationExtension({ number, digests })] })
        assert.deepEqual(read, { number, digests })
      },
    ),
    { numRuns: 50 },
  )
})

test('the extension is not critical, and has this form for ever', () => {
  const { critical, value } = certificationExtension({ number: 7n, digests: [DIGEST] })
  assert.equal(critical, false)
  assert.equal(value.toHex(), `30370201010201073${'02f302d'}0609608648016503040201${'0420'}${'ab'.repeat(32)}`)
})

test('every part of the object identifier is one that Go reads', () => {
  for (const part of CERTIFICATION_OID.split('.')) assert.ok(Number(part) < 2 ** 31)
})

test('a certificate without the extension carries no number', () => {
  const issuer = makeTestIssuer(makeTestRoot('root'), 'codeSigning')
  assert.equal(readCertificationExtension(makeTestIdentity(issuer, makeTestKey()).certificate), undefined)
})

const digest = (value = DIGEST, hash = SHA256_OID) => sequence(oid(hash), octetString(value))
const one = integer(1)
const sound = sequence(one, one, sequence(digest()))
const malformed: Readonly<Record<string, Uint8Array>> = {
  nothing: new Uint8Array(),
  'another type': nullValue(),
  'no version': sequence(one, sequence(digest())),
  'version 0': sequence(integer(0), one, sequence(digest())),
  'version 2': sequence(integer(2), one, sequence(digest())),
  'number 0': sequence(one, integer(0), sequence(digest())),
  'a negative number': sequence(one, integer(-1), sequence(digest())),
  'number 2^63': sequence(one, integer(2n ** 63n), sequence(digest())),
  'a huge number': sequence(one, integer(2n ** 4096n), sequence(digest())),
  'a number with a leading zero': Uint8Array.fromHex(
    sound.toHex().replace('020101020101', '02010102020001').replace('3037', '3038'),
  ),
  'no digest': sequence(one, one, sequence()),
  '17 digests': sequence(one, one, sequence(...Array.from({ length: 17 }, (_, at) => digest(DIGEST.with(0, at))))),
  'a digest twice': sequence(one, one, sequence(digest(), digest(OTHER), digest())),
  'a digest of 31 bytes': sequence(one, one, sequence(digest(DIGEST.subarray(1)))),
  'a digest of another hash': sequence(one, one, sequence(digest(DIGEST, '2.16.840.1.101.3.4.2.2'))),
  'a digest with more behind it': sequence(one, one, sequence(sequence(oid(SHA256_OID), octetString(DIGEST), one))),
  'a digest that is no sequence': sequence(one, one, sequence(octetString(DIGEST))),
  'more behind the digests': sequence(one, one, sequence(digest()), one),
  'a byte behind the end': Uint8Array.of(...sound, 0),
  'a truncated value': sound.subarray(0, -1),
}

for (const [what, value] of Object.entries(malformed)) {
  test(`not read: ${what}`, () => {
    assert.throws(() => readCertificationExtension(numbered(value)), { code: 'x509.certification-extension' })
  })
}

test('not read: a critical extension, which other verifiers would refuse', () => {
  readCertificationExtension(numbered(sound))
  assert.throws(() => readCertificationExtension(numbered(sound, true)), { code: 'x509.certification-extension' })
})

for (const [what, mark] of Object.entries({
  'number 0': { number: 0n, digests: [DIGEST] },
  'number 2^63': { number: 2n ** 63n, digests: [DIGEST] },
  'no digest': { number: 1n, digests: [] },
  '17 digests': { number: 1n, digests: Array.from({ length: 17 }, (_, at) => DIGEST.with(0, at)) },
  'a digest twice': { number: 1n, digests: [DIGEST, DIGEST.slice()] },
  'a digest of 20 bytes': { number: 1n, digests: [DIGEST.subarray(12)] },
})) {
  test(`not written: ${what}`, () => {
    assert.throws(() => certificationExtension(mark), { code: 'x509.unwritable' })
  })
}
