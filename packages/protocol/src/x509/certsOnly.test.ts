import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { explicit, integer, oid, sequence, set, tagged } from '../der/writeDer.ts'
import { CodedError } from '../errors/codedError.ts'
import { makeTestIssuer, makeTestRoot } from './authorityFixture.ts'
import { readCertsOnly, writeCertsOnly } from './certsOnly.ts'

const root = makeTestRoot('root')
const certificates = [root, makeTestIssuer(root, 'clientAuth')].map(({ certificate }) => certificate.raw)
const [first = new Uint8Array()] = certificates
const SIGNED_DATA = oid('1.2.840.113549.1.7.2')
const DATA = sequence(oid('1.2.840.113549.1.7.1'))

test('the certificates are read back, whatever their order was', () => {
  const read = readCertsOnly(writeCertsOnly(certificates)).map(({ raw }) => raw)
  assert.deepEqual(new Set(read.map((raw) => raw.toHex())), new Set(certificates.map((raw) => raw.toHex())))
  assert.deepEqual(writeCertsOnly(certificates.toReversed()), writeCertsOnly(certificates))
})

const message = (...parts: readonly Uint8Array[]) => sequence(SIGNED_DATA, explicit(0, sequence(...parts)))
const kept = tagged(0xa0, first)
const bad: readonly (readonly [what: string, bytes: Uint8Array])[] = [
  ['nothing', new Uint8Array()],
  ['no certificates', writeCertsOnly([])],
  ['33 certificates', writeCertsOnly(Array<Uint8Array>(33).fill(first))],
  ['another type', sequence(oid('1.2.840.113549.1.7.3'), explicit(0, sequence(integer(1), set(), DATA, kept, set())))],
  ['another version', message(integer(3), set(), DATA, kept, set())],
  ['a digest algorithm', message(integer(1), set(sequence(oid('1.2.3'))), DATA, kept, set())],
  ['another inner type', message(integer(1), set(), sequence(oid('1.2.3')), kept, set())],
  ['content', message(integer(1), set(), sequence(oid('1.2.840.113549.1.7.1'), explicit(0, integer(1))), kept, set())],
  ['a signature', message(integer(1), set(), DATA, kept, set(sequence(integer(1))))],
  ['revocation lists', message(integer(1), set(), DATA, kept, tagged(0xa1, sequence()), set())],
  ['a second content', sequence(SIGNED_DATA, explicit(0, sequence(integer(1), set(), DATA, kept, set())), integer(1))],
  ['more than 256 KiB', new Uint8Array((256 << 10) + 1)],
]
for (const [what, bytes] of bad) {
  test(`x509.certs-only-malformed: ${what}`, () => {
    assert.throws(() => readCertsOnly(bytes), { code: 'x509.certs-only-malformed' })
  })
}

test('a changed message ends in a coded error or in certificates', () => {
  const bytes = writeCertsOnly(certificates)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
      const changed = bytes.map((byte, i) => (i === at ? byte ^ difference : byte))
      try {
        readCertsOnly(changed)
      } catch (error) {
        assert.ok(error instanceof CodedError && error.code.startsWith('x509.'), String(error))
      }
    }),
    { numRuns: 500 },
  )
})
