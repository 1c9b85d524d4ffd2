import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leafHash, nodeHash } from '@countersign/protocol/log/merkle.ts'
import { CompactRange } from './compactRange.ts'

/** RFC 6962, 2.1, read literally: split at the largest power of two below the size. */
function rootOf(entries: Uint8Array[]): Uint8Array {
  if (entries.length === 1) return leafHash(entries[0]!)
  let split = 1
  while (split * 2 < entries.length) split *= 2
  return nodeHash(rootOf(entries.slice(0, split)), rootOf(entries.slice(split)))
}

test('the running root equals the root of the whole tree at every size', () => {
  const range = new CompactRange()
  assert.equal(range.root(), undefined)
  const entries: Uint8Array[] = []
  for (let size = 1; size <= 130; size += 1) {
    const entry = new TextEncoder().encode(`message ${size}`)
    entries.push(entry)
    range.add(entry)
    assert.equal(range.count, size)
    assert.deepEqual(range.root(), rootOf(entries), `size ${size}`)
  }
})

test('the order of what was signed is part of the root', () => {
  const one = new CompactRange()
  const other = new CompactRange()
  one.add(new Uint8Array([1]))
  one.add(new Uint8Array([2]))
  other.add(new Uint8Array([2]))
  other.add(new Uint8Array([1]))
  assert.notDeepEqual(one.root(), other.root())
})

test('entries of any size are taken, small ones after large ones', () => {
  const entries = [5000, 0, 1023, 1024, 70_000, 3].map((size, fill) => new Uint8Array(size).fill(fill + 1))
  const range = new CompactRange()
  for (const entry of entries) range.add(entry)
  assert.deepEqual(range.root(), rootOf(entries))
})
