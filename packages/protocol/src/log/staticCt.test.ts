import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../errors/codedError.ts'
import { leafIndexExtension, sctSignedInput } from '../x509/sct.ts'
import { sha256 } from './merkle.ts'
import {
  type CtEntry,
  decodeDataTile,
  encodeDataTile,
  encodeTreeHeadSignature,
  merkleTreeLeaf,
  tileLeaf,
  treeHeadInput,
} from './staticCt.ts'

const maxEntries = 256
const root = sha256(Uint8Array.of(1))
const certificateEntry: CtEntry = {
  timestampMs: 1_763_640_000_123n,
  certificate: Uint8Array.of(0x30, 1, 2),
  extensions: leafIndexExtension(9n),
  chainFingerprints: [sha256(Uint8Array.of(2))],
}
const precertificateEntry: CtEntry = {
  ...certificateEntry,
  precertificate: { issuerKeyHash: sha256(Uint8Array.of(3)), submitted: Uint8Array.of(0x30, 9) },
  chainFingerprints: [sha256(Uint8Array.of(2)), sha256(Uint8Array.of(4))],
}

test('the leaf of a certificate is that of RFC 6962', () => {
  const expected = '0000' + '0000019aa122be7b' + '0000' + '000003300102' + '0008' + '0000050000000009'
  assert.equal(merkleTreeLeaf(certificateEntry).toHex(), expected)
})

test('the leaf of a precertificate is what its SCT signs', () => {
  const { timestampMs, certificate: tbs, extensions, precertificate } = precertificateEntry
  const issuerKeyHash = precertificate?.issuerKeyHash ?? new Uint8Array()
  assert.deepEqual(
    merkleTreeLeaf(precertificateEntry),
    new Uint8Array(sctSignedInput({ timestampMs, issuerKeyHash, tbs, extensions })),
  )
})

test('a data tile reads back, and each entry gives its leaf', () => {
  const entries = [certificateEntry, precertificateEntry, certificateEntry]
  const tile = encodeDataTile(entries.map(tileLeaf))
  assert.deepEqual(decodeDataTile(tile, { maxEntries }), entries)
})

test('a data tile cut anywhere but between entries is refused', () => {
  const leaf = tileLeaf(precertificateEntry)
  for (let size = 1; size < leaf.length; size++) {
    assert.throws(() => decodeDataTile(leaf.subarray(0, size), { maxEntries }), { code: 'log.entry-bundle-wrong' })
  }
})

test('a data tile with an unknown entry type, a broken fingerprint or too many entries is refused', () => {
  const leaf = tileLeaf(certificateEntry)
  const oneByteMore = tileLeaf({ ...certificateEntry, chainFingerprints: [new Uint8Array(33)] })
  assert.throws(() => decodeDataTile(leaf.with(9, 2), { maxEntries }), { code: 'log.entry-bundle-wrong' })
  assert.throws(() => decodeDataTile(oneByteMore, { maxEntries }), { code: 'log.entry-bundle-wrong' })
  assert.throws(() => decodeDataTile(encodeDataTile([leaf, leaf]), { maxEntries: 1 }), {
    code: 'log.entry-bundle-wrong',
  })
})

test('changed data tiles are refused with a code, or read', () => {
  const tile = encodeDataTile([certificateEntry, precertificateEntry].map(tileLeaf))
  fc.assert(
    fc.property(fc.nat(tile.length - 1), fc.nat(255), (at, value) => {
      try {
        decodeDataTile(tile.with(at, value), { maxEntries })
      } catch (error) {
        assert.ok(hasCode(error, 'log.entry-bundle-wrong'))
      }
    }),
  )
})

test('parts that do not fit are not written', () => {
  const wrong: Partial<CtEntry>[] = [
    { timestampMs: -1n },
    { timestampMs: 2n ** 63n },
    { extensions: new Uint8Array(65_536) },
    { certificate: new Uint8Array(2 ** 24) },
    { precertificate: { issuerKeyHash: new Uint8Array(31), submitted: Uint8Array.of(1) } },
  ]
  for (const part of wrong) assert.throws(() => tileLeaf({ ...certificateEntry, ...part }), { code: 'log.range-wrong' })
  assert.throws(() => encodeDataTile([]), { code: 'log.range-wrong' })
  assert.throws(() => encodeDataTile(Array(257).fill(Uint8Array.of(1))), { code: 'log.range-wrong' })
})

test('a tree head is signed as RFC 6962 says', () => {
  assert.equal(treeHeadInput(1n, 2n, root).toHex(), `000100000000000000010000000000000002${root.toHex()}`)
  assert.equal(encodeTreeHeadSignature(1n, Uint8Array.of(0xaa)).toHex(), '0000000000000001' + '0403' + '0001' + 'aa')
  assert.equal(encodeTreeHeadSignature(1n, Uint8Array.of(0xaa), 'rsa').toHex().slice(16, 20), '0401')
})

test('an impossible tree head is not written', () => {
  assert.throws(() => treeHeadInput(-1n, 2n, root), { code: 'log.range-wrong' })
  assert.throws(() => treeHeadInput(1n, 2n ** 63n, root), { code: 'log.range-wrong' })
  assert.throws(() => treeHeadInput(1n, 2n, new Uint8Array(31)), { code: 'log.range-wrong' })
  assert.throws(() => encodeTreeHeadSignature(1n, new Uint8Array(65_536)), { code: 'log.range-wrong' })
  assert.throws(() => encodeTreeHeadSignature(1n, new Uint8Array(0)), { code: 'log.range-wrong' })
})
