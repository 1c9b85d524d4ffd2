import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { concatBytes } from '@countersign/protocol/json/base64.ts'
import { checkpointText, parseCheckpointText } from '@countersign/protocol/log/checkpoint.ts'
import { decodeEntryBundle } from '@countersign/protocol/log/entryBundle.ts'
import { leafHash } from '@countersign/protocol/log/merkle.ts'
import { formatNote, formatVkey, parseNote, parseVkey } from '@countersign/protocol/log/note.ts'
import { rootHash } from '@countersign/protocol/log/proof.ts'
import { parseTilePath } from '@countersign/protocol/log/tiles.ts'
import { naiveRoot } from './naiveTree.ts'

interface Table<Good, Bad = object> {
  readonly good: readonly Good[]
  readonly bad: readonly (Bad & { readonly what: string })[]
}

interface LogVectors {
  readonly tilePaths: Table<
    { path: string; kind: string; level?: number; index: string; width: number },
    { path: string }
  >
  readonly keys: Table<{ what: string; vkey: string; type: number }, { vkey: string; code: string }>
  readonly notes: Table<{ what: string; note: string; text: string; signatures: number }, { note: string }>
  readonly checkpoints: Table<{ what: string; text: string; size: string }, { text: string }>
  readonly entryBundles: Table<{ what: string; hex: string; entries: string[] }, { hex: string }>
  /** The tree that RFC 6962 implementations share as their test: roots of its first 0 to 8 leaves. */
  readonly roots: { readonly leaves: readonly string[]; readonly bySize: readonly string[] }
}

const vectors = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8')) as LogVectors

for (const { path, index, ...rest } of vectors.tilePaths.good) {
  test(`path: ${path}`, () => assert.deepEqual(parseTilePath(path), { ...rest, index: BigInt(index) }))
}
for (const { what, path } of vectors.tilePaths.bad) {
  test(`refuse path: ${what}`, () => assert.throws(() => parseTilePath(path), { code: 'log.path-wrong' }))
}

for (const { what, vkey, type } of vectors.keys.good) {
  test(`key: ${what}`, () => {
    assert.equal(parseVkey(vkey).type, type)
    assert.equal(formatVkey(parseVkey(vkey)), vkey)
  })
}
for (const { what, vkey, code } of vectors.keys.bad) {
  test(`refuse key with ${code}: ${what}`, () => assert.throws(() => parseVkey(vkey), { code }))
}

for (const { what, note, text, signatures } of vectors.notes.good) {
  test(`note: ${what}`, () => {
    const parsed = parseNote(note)
    assert.deepEqual([parsed.text, parsed.signatures.length], [text, signatures])
    assert.equal(formatNote(parsed.text, parsed.signatures), note)
  })
}
for (const { what, note } of vectors.notes.bad) {
  test(`refuse note: ${what}`, () => assert.throws(() => parseNote(note), { code: 'log.note-malformed' }))
}
test('refuse note: more than 100 signatures', () => {
  const lines = '— key AAAAAQI=\n'.repeat(101)
  assert.throws(() => parseNote(`text\n\n${lines}`), { code: 'log.note-malformed' })
})
test('refuse note: above 1,048,576 characters', () => {
  assert.throws(() => parseNote(`${'x'.repeat(1_048_576)}\n\n— key AAAAAQI=\n`), { code: 'log.note-malformed' })
})

for (const { what, text, size } of vectors.checkpoints.good) {
  test(`checkpoint: ${what}`, () => {
    assert.equal(parseCheckpointText(text).size, BigInt(size))
    assert.equal(checkpointText(parseCheckpointText(text)), text)
  })
}
for (const { what, text } of vectors.checkpoints.bad) {
  test(`refuse checkpoint: ${what}`, () => {
    assert.throws(() => parseCheckpointText(text), { code: 'log.checkpoint-malformed' })
  })
}

const maxEntries = 2
for (const { what, hex, entries } of vectors.entryBundles.good) {
  test(`entry bundle: ${what}`, () => {
    assert.deepEqual(
      decodeEntryBundle(Uint8Array.fromHex(hex), { maxEntries }).map((entry) => entry.toHex()),
      entries,
    )
  })
}
for (const { what, hex } of vectors.entryBundles.bad) {
  test(`refuse entry bundle: ${what}`, () => {
    assert.throws(() => decodeEntryBundle(Uint8Array.fromHex(hex), { maxEntries }), { code: 'log.entry-bundle-wrong' })
  })
}

for (const [size, expected] of vectors.roots.bySize.entries()) {
  test(`root of the first ${size} leaves`, async () => {
    const leaves = vectors.roots.leaves.slice(0, size).map((hex) => Uint8Array.fromHex(hex))
    assert.equal(naiveRoot(leaves).toHex(), expected)
    const tile = concatBytes(...leaves.map(leafHash))
    assert.equal((await rootHash(BigInt(size), async () => tile)).toHex(), expected)
  })
}

test('there are at least as many bad vectors as good ones', () => {
  const { tilePaths, keys, notes, checkpoints, entryBundles } = vectors
  for (const { good, bad } of [tilePaths, keys, notes, checkpoints, entryBundles]) {
    assert.ok(bad.length >= good.length)
  }
})
