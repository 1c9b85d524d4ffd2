import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leafHash } from '@countersign/protocol/log/merkle.ts'
import { fullBundleRoots, nodeRoot, treeRoot } from './entryTree.ts'

const entry = (text: string) => new Uint8Array(Buffer.from(text))
const entries = (count: number) => Array.from({ length: count }, (_, at) => entry(`entry ${at}`))

for (const size of [0, 1, 2, 3, 255, 256, 257, 511, 512, 768, 1000]) {
  test(`the root of ${size} entries by bundles is the one leaf by leaf`, () => {
    const all = entries(size)
    assert.deepEqual(treeRoot(all), nodeRoot(all.map(leafHash)))
  })
}

test('a tree that grows keeps the roots of its full bundles, and each new root is right', () => {
  const all = entries(600)
  for (let size = 500; size <= 600; size++) {
    const now = all.slice(0, size)
    assert.deepEqual(treeRoot(now), nodeRoot(now.map(leafHash)))
  }
})

test('another entry in the middle of a full bundle gives another root, although first and last are the same', () => {
  const all = entries(256)
  const [before] = fullBundleRoots(all)
  const changed = all.with(100, entry('another'))
  const [after] = fullBundleRoots(changed)
  assert.notDeepEqual(after, before)
  assert.deepEqual(after, nodeRoot(changed.map(leafHash)))
})
