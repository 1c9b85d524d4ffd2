import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EMPTY_ROOT, type Hash, leafHash, verifyInclusion } from '@countersign/protocol/log/merkle.ts'
import { inclusionProof, rootHash } from '@countersign/protocol/log/proof.ts'
import { newTiles, rightEdgeTiles, tilePath } from '@countersign/protocol/log/tiles.ts'
import fc from 'fast-check'
import { GrowingTree } from './growingTree.ts'

function leafAt(index: number): Hash {
  return leafHash(new TextEncoder().encode(`leaf ${index}`))
}

/** Grows a tree in the given steps and keeps every tile as a log would. */
function grow(steps: readonly number[]) {
  const tiles = new Map<string, Uint8Array>()
  let tree = GrowingTree.empty()
  for (const step of steps) {
    const old = tree.size
    tree = tree.copy()
    for (let count = 0; count < step; count++) tree.push(leafAt(Number(tree.size)))
    for (const { level, index, width } of newTiles(old, tree.size)) {
      tiles.set(tilePath(level, index, width), tree.tile(level, index, width))
    }
  }
  const read = async (level: number, index: bigint, width: number) => {
    const tile = tiles.get(tilePath(level, index, width))
    assert.ok(tile, `tile ${level}/${index} of width ${width} was written`)
    return tile
  }
  return { tree, read }
}

const growth = fc.array(fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom(254, 255, 256, 257, 511)), {
  maxLength: 6,
})

test('whatever the steps, the root is the one that the tiles give', async () => {
  await fc.assert(
    fc.asyncProperty(growth, async (steps) => {
      const { tree, read } = grow(steps)
      assert.deepEqual(tree.root(), await rootHash(tree.size, read))
    }),
    { numRuns: 40 },
  )
})

test('every leaf of the last step is proved as RFC 6962 has it', async () => {
  await fc.assert(
    fc.asyncProperty(growth, fc.integer({ min: 1, max: 300 }), async (steps, last) => {
      const { tree, read } = grow([...steps, last])
      const root = tree.root()
      for (let index = tree.size - BigInt(last); index < tree.size; index += 37n) {
        const proof = tree.inclusionProof(index)
        verifyInclusion({ leaf: leafAt(Number(index)), index, size: tree.size, proof, root })
        assert.deepEqual(proof, await inclusionProof(index, tree.size, read))
      }
    }),
    { numRuns: 30 },
  )
})

test('a tree taken up again from its right edge goes on as if it had never been put down', async () => {
  for (const size of [1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537]) {
    const { tree, read } = grow([size])
    const edge = await Promise.all(
      rightEdgeTiles(tree.size).map(({ level, index, width }) => read(level, index, width)),
    )
    const again = GrowingTree.fromRightEdge(tree.size, edge)
    assert.deepEqual(again.root(), tree.root(), `root at ${size}`)
    again.push(leafAt(size))
    tree.push(leafAt(size))
    assert.deepEqual(again.root(), tree.root(), `root after ${size}`)
    assert.deepEqual(again.inclusionProof(BigInt(size)), tree.inclusionProof(BigInt(size)))
  }
})

test('a full tile at the edge that is not what the tile above says is refused', async () => {
  const { tree, read } = grow([512])
  const edge = await Promise.all(rightEdgeTiles(tree.size).map(({ level, index, width }) => read(level, index, width)))
  edge[0]?.fill(1, 0, 1)
  assert.throws(() => GrowingTree.fromRightEdge(tree.size, edge), { code: 'log.files-wrong' })
})

test('adding to a copy leaves the tree as it was', () => {
  const { tree } = grow([300])
  const root = tree.root()
  const copy = tree.copy()
  for (let count = 0; count < 300; count++) copy.push(leafAt(count))
  assert.equal(tree.size, 300n)
  assert.deepEqual(tree.root(), root)
  assert.deepEqual(GrowingTree.empty().root(), EMPTY_ROOT)
})
