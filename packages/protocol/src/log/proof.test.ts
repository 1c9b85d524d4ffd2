import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { naiveConsistency, naivePath, naiveRoot } from '../../../../tests/vectors/log/naiveTree.ts'
import { concatBytes } from '../json/base64.ts'
import { EMPTY_ROOT, leafHash, nodeHash, verifyConsistency, verifyInclusion } from './merkle.ts'
import { consistencyProof, inclusionProof, rootHash, type TileReader } from './proof.ts'

const entries = Array.from({ length: 700 }, (_, at) => Uint8Array.of(at >> 8, at))
const leaves = entries.map(leafHash)

/** Reads tiles of the first `size` entries; every hash of level 1 is computed from its 256 leaves. */
function readerOf(hashes: readonly Uint8Array[], seen: string[] = []): TileReader {
  const levels = [hashes]
  for (let level = hashes; level.length >= 256; ) {
    level = Array.from({ length: Math.floor(level.length / 256) }, (_, at) =>
      fold(level.slice(at * 256, at * 256 + 256)),
    )
    levels.push(level)
  }
  return async (level, index, width) => {
    seen.push(`${level}/${index}`)
    const start = Number(index) * 256
    const tile = (levels[level] ?? []).slice(start, start + width)
    assert.equal(tile.length, width, 'asked for a tile that the tree does not have')
    return concatBytes(...tile)
  }
}

function fold(hashes: readonly Uint8Array[]): Uint8Array {
  const half = hashes.length / 2
  return half < 1 ? (hashes[0] as Uint8Array) : nodeHash(fold(hashes.slice(0, half)), fold(hashes.slice(half)))
}

test('proofs from tiles are those of the standard', async () => {
  const sizes = fc.integer({ min: 1, max: entries.length })
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(), async (size, any) => {
      const index = any % size
      const read = readerOf(leaves.slice(0, size))
      const tree = entries.slice(0, size)
      assert.deepEqual(await inclusionProof(BigInt(index), BigInt(size), read), naivePath(index, tree))
      assert.deepEqual(await consistencyProof(BigInt(index), BigInt(size), read), naiveConsistency(index, tree))
      assert.deepEqual(await rootHash(BigInt(size), read), naiveRoot(tree))
    }),
    { numRuns: 60 },
  )
})

test('a tree of 70,000 leaves is proved across three tile levels', async () => {
  const many = Array.from({ length: 70_000 }, (_, at) => leafHash(Uint8Array.of(at >> 16, at >> 8, at)))
  const seen: string[] = []
  const read = readerOf(many, seen)
  const size = 70_000n
  const root = await rootHash(size, read)
  for (const index of [0n, 255n, 256n, 65_535n, 65_536n, 69_887n, 69_999n]) {
    seen.length = 0
    const proof = await inclusionProof(index, size, read)
    verifyInclusion({ leaf: many[Number(index)] as Uint8Array, index, size, proof, root })
    assert.equal(new Set(seen).size, seen.length, 'a tile was read twice')
  }
  for (const oldSize of [1n, 256n, 65_536n, 65_537n, 69_999n]) {
    const proof = await consistencyProof(oldSize, size, read)
    const oldRoot = await rootHash(oldSize, readerOf(many.slice(0, Number(oldSize))))
    verifyConsistency({ oldSize, oldRoot, newSize: size, newRoot: root, proof })
  }
})

test('a reader may return the full tile for a partial one', async () => {
  const full = concatBytes(...leaves.slice(0, 256))
  assert.deepEqual(await rootHash(7n, async () => full), naiveRoot(entries.slice(0, 7)))
})

test('the empty tree needs no tile', async () => {
  assert.deepEqual(await rootHash(0n, async () => assert.fail('read')), EMPTY_ROOT)
})

test('a tile of another length is refused', async () => {
  const short: TileReader = async (_level, _index, width) => new Uint8Array(width * 32 - 1)
  await assert.rejects(inclusionProof(1n, 7n, short), { code: 'log.tile-wrong' })
  await assert.rejects(consistencyProof(1n, 7n, short), { code: 'log.tile-wrong' })
  await assert.rejects(rootHash(7n, short), { code: 'log.tile-wrong' })
})

test('questions outside the tree are refused', async () => {
  const read = readerOf(leaves)
  await assert.rejects(inclusionProof(7n, 7n, read), { code: 'log.range-wrong' })
  await assert.rejects(inclusionProof(-1n, 7n, read), { code: 'log.range-wrong' })
  await assert.rejects(consistencyProof(8n, 7n, read), { code: 'log.range-wrong' })
  await assert.rejects(consistencyProof(-1n, 7n, read), { code: 'log.range-wrong' })
  await assert.rejects(rootHash(-1n, read), { code: 'log.range-wrong' })
})

test('the failure of a reader comes through', async () => {
  await assert.rejects(
    rootHash(7n, async () => {
      throw new RangeError('storage is gone')
    }),
    RangeError,
  )
})
