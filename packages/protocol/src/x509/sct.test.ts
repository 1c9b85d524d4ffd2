import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { octetString } from '../der/writeDer.ts'
import { CodedError } from '../errors/codedError.ts'
import { makeTestIdentity, makeTestIssuer, makeTestKey, makeTestRoot, TEST_TIME } from './authorityFixture.ts'
import { keyUsage } from './extensions.ts'
import { EXTENSION_OIDS } from './oids.ts'
import {
  leafIndexExtension,
  parseSct,
  poisonExtension,
  readLeafIndex,
  readScts,
  type Sct,
  sctListExtension,
  sctSignedInput,
  tbsWithoutScts,
  verifySct,
  writeSct,
} from './sct.ts'
import { writeTbsCertificate } from './writeCertificate.ts'

const root = makeTestRoot('root')
const issuer = makeTestIssuer(root, 'codeSigning')
const log = makeTestKey()
const { certificate, sct } = makeTestIdentity(issuer, log, { leafIndex: 0x12345678n })

test('the SCT of a certificate is read and verified', () => {
  const scts = readScts(certificate)
  assert.deepEqual(scts.map(writeSct), [writeSct(sct)])
  verifySct(scts[0] as Sct, certificate, issuer.certificate, log)
  assert.equal(scts[0]?.timestampMs, BigInt(TEST_TIME.getTime()))
  assert.equal(readLeafIndex((scts[0] as Sct).extensions), 0x12345678n)
})

test('precertificate, certificate and the bare certificate reduce to the same bytes', () => {
  const tbs = (extensions: Parameters<typeof writeTbsCertificate>[0]['extensions']) =>
    writeTbsCertificate({ ...certificate, extensions })
  const common = certificate.extensions.slice(0, -1)
  const bare = tbs(common)
  assert.deepEqual(tbsWithoutScts(tbs([...common, poisonExtension()])), bare)
  assert.deepEqual(tbsWithoutScts(tbs([poisonExtension(), ...common])), bare)
  assert.deepEqual(tbsWithoutScts(tbs([...common, sctListExtension([sct])])), bare)
  assert.deepEqual(tbsWithoutScts(bare), bare)
  assert.deepEqual(tbsWithoutScts(certificate.tbs), bare)
})

test('the poison is the critical NULL of RFC 6962', () => {
  const { oid, critical, value } = poisonExtension()
  assert.deepEqual([oid, critical, value.toHex()], ['1.3.6.1.4.1.11129.2.4.3', true, '0500'])
})

test('the signed input has the layout of RFC 6962, 3.2', () => {
  const input = sctSignedInput({
    timestampMs: 0x0102030405060708n,
    issuerKeyHash: new Uint8Array(32).fill(0xaa),
    tbs: Uint8Array.of(0x30, 0),
    extensions: leafIndexExtension(1n),
  })
  const expected = `0000${'0102030405060708'}0001${'aa'.repeat(32)}0000023000${'0008'}${'0000050000000001'}`
  assert.equal(input.toHex(), expected)
})

test('any SCT is read back', () => {
  const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const part = fc.uint8Array({ maxLength: 80 })
  fc.assert(
    fc.property(bytes32, fc.bigInt(0n, (1n << 64n) - 1n), part, part, (logId, timestampMs, extensions, signature) => {
      const any: Sct = { version: 0, logId, timestampMs, extensions, signature }
      assert.deepEqual(parseSct(writeSct(any)), any)
      const list = sctListExtension([any, any])
      assert.deepEqual(readScts({ extensions: [list] }), [any, any])
    }),
  )
})

test('any leaf index of 40 bits is read back, and no larger one written', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, (1n << 40n) - 1n), (index) => {
      assert.equal(readLeafIndex(leafIndexExtension(index)), index)
    }),
  )
  assert.equal(leafIndexExtension(0x0102030405n).toHex(), '0000050102030405')
  assert.equal(readLeafIndex(new Uint8Array()), undefined)
  assert.throws(() => leafIndexExtension(1n << 40n), { code: 'x509.unwritable' })
  assert.throws(() => leafIndexExtension(-1n), { code: 'x509.unwritable' })
})

test('parts of a wrong size are not written', () => {
  assert.throws(() => writeSct({ ...sct, logId: new Uint8Array(31) }), { code: 'x509.unwritable' })
  assert.throws(() => writeSct({ ...sct, signature: new Uint8Array(65_536) }), { code: 'x509.unwritable' })
})

const otherIssuer = makeTestIssuer(root, 'codeSigning')
const other = makeTestIdentity(issuer, log).certificate
const wrong: readonly (readonly [what: string, check: () => void, code: string])[] = [
  ['of another log', () => verifySct(sct, certificate, issuer.certificate, makeTestKey()), 'x509.sct-unknown-log'],
  ['for another certificate', () => verifySct(sct, other, issuer.certificate, log), 'x509.sct-wrong'],
  ['for another issuer', () => verifySct(sct, certificate, otherIssuer.certificate, log), 'x509.sct-wrong'],
  [
    'with another time',
    () => verifySct({ ...sct, timestampMs: sct.timestampMs + 1n }, certificate, issuer.certificate, log),
    'x509.sct-wrong',
  ],
  [
    'with another leaf index',
    () => verifySct({ ...sct, extensions: leafIndexExtension(8n) }, certificate, issuer.certificate, log),
    'x509.sct-wrong',
  ],
  [
    'without its leaf index',
    () => verifySct({ ...sct, extensions: new Uint8Array() }, certificate, issuer.certificate, log),
    'x509.sct-wrong',
  ],
  [
    'with a broken signature',
    () => verifySct({ ...sct, signature: sct.signature.slice(1) }, certificate, issuer.certificate, log),
    'x509.sct-wrong',
  ],
]

for (const [what, check, code] of wrong) {
  test(`an SCT ${what} is refused with ${code}`, () => assert.throws(check, { code }))
}

const encoded = writeSct(sct)
function changed(at: number, value: number): Uint8Array {
  return encoded.map((byte, i) => (i === at ? value : byte))
}

const algorithmAt = 43 + sct.extensions.length
const malformed: readonly (readonly [what: string, read: () => unknown])[] = [
  ['of version 2', () => parseSct(changed(0, 1))],
  ['with SHA-384', () => parseSct(changed(algorithmAt, 5))],
  ['with RSA', () => parseSct(changed(algorithmAt + 1, 1))],
  ['that ends early', () => parseSct(encoded.subarray(0, -1))],
  ['that ends in its head', () => parseSct(encoded.subarray(0, 20))],
  ['with a byte after it', () => parseSct(new Uint8Array([...encoded, 0]))],
  ['in a list that ends early', () => readScts({ extensions: [list(Uint8Array.of(0, 5, 0))] })],
  ['in a list with a byte after it', () => readScts({ extensions: [list(Uint8Array.of(0, 0, 0))] })],
  ['in an empty list', () => readScts({ extensions: [list(Uint8Array.of(0, 0))] })],
  ['in a list of 17', () => readScts({ extensions: [sctListExtension(Array.from({ length: 17 }, () => sct))] })],
  [
    'in something that is no list',
    () => readScts({ extensions: [{ ...sctListExtension([sct]), value: Uint8Array.of(4) }] }),
  ],
  ['with extensions that are no leaf index', () => readLeafIndex(Uint8Array.of(1, 0, 5, 0, 0, 0, 0, 0))],
  ['with a leaf index of 6 bytes', () => readLeafIndex(Uint8Array.of(0, 0, 6, 0, 0, 0, 0, 0, 0))],
]

function list(value: Uint8Array) {
  return { oid: EXTENSION_OIDS.sctList, critical: false, value: octetString(value) }
}

for (const [what, read] of malformed) {
  test(`an SCT ${what} is malformed`, () => assert.throws(read, { code: 'x509.sct-malformed' }))
}

test('a certificate without SCTs is told apart from one with a bad one', () => {
  assert.throws(() => readScts({ extensions: [keyUsage(['digitalSignature'])] }), { code: 'x509.sct-missing' })
})

test('a TBSCertificate that is none is malformed', () => {
  assert.throws(() => tbsWithoutScts(Uint8Array.of(0x30, 5)), { code: 'x509.malformed' })
})

test('random bytes end in SCTs or a coded error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(encoded.length - 1), fc.nat(255), (bytes, at, value) => {
      for (const input of [bytes, changed(at, value)]) {
        try {
          parseSct(input)
        } catch (error) {
          assert.ok(error instanceof CodedError && error.code === 'x509.sct-malformed')
        }
      }
    }),
    { numRuns: 500 },
  )
})
