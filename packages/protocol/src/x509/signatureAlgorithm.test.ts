import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { readDer } from '../der/readDer.ts'
import { integer, nullValue, oid, sequence } from '../der/writeDer.ts'
import { makeTestKey } from './authorityFixture.ts'
import {
  algorithmIdentifier,
  importPublicKey,
  isSignedBy,
  parseAlgorithmIdentifier,
  type SignatureAlgorithm,
} from './signatureAlgorithm.ts'

const algorithms = [
  'ecdsa-sha256',
  'ecdsa-sha384',
  'ecdsa-sha512',
  'rsa-sha256',
  'rsa-sha384',
  'rsa-sha512',
  'ed25519',
] as const satisfies SignatureAlgorithm[]
const message = new TextEncoder().encode('message')

for (const algorithm of algorithms) {
  test(`${algorithm} is written, read and verified`, () => {
    assert.equal(parseAlgorithmIdentifier(readDer(algorithmIdentifier(algorithm))), algorithm)
    const key = makeTestKey(algorithm)
    const signature = key.sign(message)
    const publicKey = importPublicKey(key.spki)
    assert.equal(isSignedBy(publicKey, algorithm, message, signature), true)
    assert.equal(isSignedBy(publicKey, algorithm, new Uint8Array(), signature), false)
    assert.equal(isSignedBy(importPublicKey(makeTestKey(algorithm).spki), algorithm, message, signature), false)
    assert.equal(isSignedBy(publicKey, algorithm, message, new Uint8Array()), false)
  })
}

test('a key of another kind than the algorithm has signed nothing', () => {
  const key = makeTestKey('ed25519')
  assert.equal(isSignedBy(importPublicKey(key.spki), 'ecdsa-sha256', message, key.sign(message)), false)
})

test('the same array gives the same key object', () => {
  const { spki } = makeTestKey()
  assert.equal(importPublicKey(spki), importPublicKey(spki))
})

test('unknown algorithms are refused by name, odd parameters as odd', () => {
  const read = (der: Uint8Array) => parseAlgorithmIdentifier(readDer(der))
  assert.throws(() => read(sequence(oid('1.2.840.113549.1.1.5'))), { code: 'x509.algorithm-unsupported' })
  assert.throws(() => read(sequence(oid('1.2.840.10045.4.3.2'), nullValue())), { code: 'der.unexpected' })
  assert.throws(() => read(sequence(oid('1.2.840.113549.1.1.11'), integer(1))), { code: 'der.unexpected' })
})

function spkiOf(pair: { publicKey: Uint8Array }): Uint8Array {
  return new Uint8Array(pair.publicKey)
}

const publicKeyEncoding = { type: 'spki', format: 'der' } as const
const privateKeyEncoding = { type: 'pkcs8', format: 'der' } as const
const encodings = { publicKeyEncoding, privateKeyEncoding }
const unsupported: readonly (readonly [what: string, make: () => Uint8Array])[] = [
  ['bytes that are no key', () => Uint8Array.of(0x30, 0)],
  ['an RSA key of 1024 bits', () => spkiOf(generateKeyPairSync('rsa', { modulusLength: 1024, ...encodings }))],
  ['a key on another curve', () => spkiOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1', ...encodings }))],
  ['a key for key agreement', () => spkiOf(generateKeyPairSync('x25519', encodings))],
]

for (const [what, make] of unsupported) {
  test(`${what} is not supported`, () => assert.throws(() => importPublicKey(make()), { code: 'x509.key-unsupported' }))
}
