import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { canonicalJson, type JsonValue } from '../json/canonicalJson.ts'
import { leafHash } from '../log/merkle.ts'
import { parseRevocationLeaf, REVOCATION_PAYLOAD_TYPE, revocationLeaf, revocationToSign } from './envelope.ts'
import { writeRecord } from './record.ts'

const payload = writeRecord({
  scope: 'digest',
  effect: 'blocked',
  digest: 'bb'.repeat(32),
  reason: 'malware',
  issuedAt: new Date('2026-03-01T00:00:00Z'),
})
const signature = (digits: string) => ({ keyId: digits.repeat(32), signature: Uint8Array.of(0x30, 1, 2) })
const [first, second] = [signature('11'), signature('22')]

test('a leaf reads back, its signatures in the order of their key ids', () => {
  const leaf = revocationLeaf(payload, [second, first])
  const read = parseRevocationLeaf(leaf)
  assert.deepEqual(read.payload, payload)
  assert.deepEqual(read.signatures, [first, second])
  assert.equal(read.record.effect, 'blocked')
  assert.equal(read.leafHash, Buffer.from(leafHash(leaf)).toString('hex'))
  assert.equal(read.payloadHash, hash('sha256', payload, 'hex'))
  assert.deepEqual(revocationLeaf(payload, [first, second]), leaf)
})

test('an announcement has no signature and is authorised by nobody', () => {
  assert.deepEqual(parseRevocationLeaf(revocationLeaf(payload, [])).signatures, [])
})

test('what is signed names the type of the payload', () => {
  assert.match(
    Buffer.from(revocationToSign(payload)).toString(),
    /^DSSEv1 46 application\/vnd\.countersign\.revocation/,
  )
})

test('revocation.envelope-malformed: the same key twice, too many signatures, too many bytes', () => {
  const all = Array.from({ length: 17 }, (_, at) => signature((at + 10).toString()))
  for (const signatures of [[first, first], all, [{ ...first, signature: new Uint8Array(60_000) }]]) {
    assert.throws(() => revocationLeaf(payload, signatures), { code: 'revocation.envelope-malformed' })
  }
})

const sound = JSON.parse(Buffer.from(revocationLeaf(payload, [first])).toString())
const malformed: readonly (readonly [string, JsonValue])[] = [
  ['another field', { ...sound, more: 1 }],
  ['no payload', { payloadType: REVOCATION_PAYLOAD_TYPE, signatures: [] }],
  ['a payload that is not base64', { ...sound, payload: '*' }],
  ['a key id in capitals', { ...sound, signatures: [{ keyid: 'AA'.repeat(32), sig: 'MAEC' }] }],
  ['a list', [sound]],
]
for (const [what, json] of malformed) {
  test(`revocation.envelope-malformed: ${what}`, () => {
    const code = /^revocation\.(envelope-malformed|record-unknown|record-malformed)$/
    assert.throws(() => parseRevocationLeaf(canonicalJson(json)), { code })
  })
}

test('revocation.envelope-malformed: another form of the same envelope', () => {
  const text = Buffer.from(canonicalJson(sound)).toString()
  for (const other of [
    ` ${text}`,
    text.replace('"payload":', '"payload" :'),
    text.replace('"sig"', '"s\\u0069g"'),
    'x',
  ]) {
    assert.throws(() => parseRevocationLeaf(Buffer.from(other)), { code: 'revocation.envelope-malformed' })
  }
})

test('revocation.record-unknown: an envelope of another type may end trust in a way that is not known here', () => {
  const other = canonicalJson({ ...sound, payloadType: 'application/vnd.countersign.revocation.v2+json' })
  assert.throws(() => parseRevocationLeaf(other), { code: 'revocation.record-unknown' })
})
