import assert from 'node:assert/strict'
import { test } from 'node:test'
import { naiveConsistency, naivePath, naiveRoot } from '../../../../tests/vectors/log/naiveTree.ts'
import { EMPTY_ROOT, leafHash, nodeHash, TREE_SIZE_LIMIT, verifyConsistency, verifyInclusion } from './merkle.ts'

const entries = Array.from({ length: 70 }, (_, at) => new TextEncoder().encode(`entry ${at}`))
const tree = (size: number) => entries.slice(0, size)
const inclusion = (index: number, size: number) => ({
  leaf: leafHash(entries[index] as Uint8Array),
  index: BigInt(index),
  size: BigInt(size),
  proof: naivePath(index, tree(size)),
  root: naiveRoot(tree(size)),
})
const consistency = (oldSize: number, newSize: number) => ({
  oldSize: BigInt(oldSize),
  oldRoot: naiveRoot(tree(oldSize)),
  newSize: BigInt(newSize),
  newRoot: naiveRoot(tree(newSize)),
  proof: naiveConsistency(oldSize, tree(newSize)),
})
const changed = (hash: Uint8Array) => hash.with(0, (hash[0] as number) ^ 1)

test('the empty tree has the hash of nothing', () => {
  assert.equal(EMPTY_ROOT.toHex(), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
})

test('every leaf of every tree up to 70 leaves is proved', () => {
  for (let size = 1; size <= entries.length; size++) {
    for (let index = 0; index < size; index++) verifyInclusion(inclusion(index, size))
  }
})

test('every tree up to 70 leaves is consistent with every smaller one', () => {
  for (let newSize = 0; newSize <= entries.length; newSize++) {
    for (let oldSize = 0; oldSize <= newSize; oldSize++) verifyConsistency(consistency(oldSize, newSize))
  }
})

test('an inclusion proof with any one change is refused', () => {
  for (const [index, size] of [
    [0, 2],
    [3, 7],
    [6, 7],
    [20, 33],
    [32, 33],
    [64, 70],
  ] as const) {
    const sound = inclusion(index, size)
    const wrong = [
      { ...sound, leaf: changed(sound.leaf) },
      { ...sound, root: changed(sound.root) },
      { ...sound, proof: sound.proof.slice(1) },
      { ...sound, proof: sound.proof.slice(0, -1) },
      { ...sound, proof: [...sound.proof, sound.root] },
      { ...sound, proof: sound.proof.with(0, (sound.proof[0] as Uint8Array).slice(1)) },
      ...sound.proof.map((hash, at) => ({ ...sound, proof: sound.proof.with(at, changed(hash)) })),
      { ...sound, index: BigInt((index + 1) % size) },
    ]
    for (const claim of wrong) assert.throws(() => verifyInclusion(claim), { code: 'log.proof-wrong' })
  }
})

test('a consistency proof with any one change is refused', () => {
  for (const [oldSize, newSize] of [
    [1, 2],
    [3, 7],
    [4, 8],
    [6, 33],
    [64, 70],
  ] as const) {
    const sound = consistency(oldSize, newSize)
    const wrong = [
      { ...sound, oldRoot: changed(sound.oldRoot) },
      { ...sound, newRoot: changed(sound.newRoot) },
      { ...sound, proof: sound.proof.slice(1) },
      { ...sound, proof: sound.proof.slice(0, -1) },
      { ...sound, proof: [...sound.proof, sound.newRoot] },
      { ...sound, proof: [] },
      ...sound.proof.map((hash, at) => ({ ...sound, proof: sound.proof.with(at, changed(hash)) })),
    ]
    for (const claim of wrong) assert.throws(() => verifyConsistency(claim), { code: 'log.proof-wrong' })
  }
})

test('trees that need no proof are compared directly, and a proof for them is refused', () => {
  const same = consistency(5, 5)
  assert.throws(() => verifyConsistency({ ...same, newRoot: changed(same.newRoot) }), { code: 'log.proof-wrong' })
  assert.throws(() => verifyConsistency({ ...same, proof: [same.newRoot] }), { code: 'log.proof-wrong' })
  const grown = consistency(0, 5)
  assert.throws(() => verifyConsistency({ ...grown, oldRoot: grown.newRoot }), { code: 'log.proof-wrong' })
  assert.throws(() => verifyConsistency({ ...grown, proof: [grown.newRoot] }), { code: 'log.proof-wrong' })
})

test('indexes and sizes outside the tree are refused', () => {
  const sound = inclusion(3, 7)
  for (const outside of [{ index: 7n }, { index: -1n }, { size: 0n }, { size: -1n }, { size: TREE_SIZE_LIMIT }]) {
    assert.throws(() => verifyInclusion({ ...sound, ...outside }), { code: 'log.range-wrong' })
  }
  const shrunk = consistency(3, 7)
  for (const outside of [{ oldSize: 8n }, { oldSize: -1n }, { newSize: TREE_SIZE_LIMIT }]) {
    assert.throws(() => verifyConsistency({ ...shrunk, ...outside }), { code: 'log.range-wrong' })
  }
})

test('a proof has at most 63 hashes', () => {
  const proof = Array.from({ length: 64 }, () => EMPTY_ROOT)
  assert.throws(() => verifyInclusion({ ...inclusion(3, 7), proof }), { code: 'log.proof-wrong' })
  assert.throws(() => verifyConsistency({ ...consistency(3, 7), proof }), { code: 'log.proof-wrong' })
})

test('proofs reach to sizes far above 2^53', () => {
  const leaf = leafHash(Uint8Array.of(1))
  const proof = Array.from({ length: 62 }, (_, at) => leafHash(Uint8Array.of(at)))
  // The first leaf of a tree of 2^62 leaves: always the left child.
  const root = proof.reduce((left, right) => nodeHash(left, right), leaf)
  verifyInclusion({ leaf, index: 0n, size: 2n ** 62n, proof, root })
  assert.throws(() => verifyInclusion({ leaf, index: 1n, size: 2n ** 62n, proof, root }), { code: 'log.proof-wrong' })
})

test('only 32-byte hashes make a node', () => {
  assert.throws(() => nodeHash(new Uint8Array(31), EMPTY_ROOT), { code: 'log.tile-wrong' })
})
