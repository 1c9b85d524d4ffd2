import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { entryBundlePath, newTiles, parseTilePath, rightEdgeTiles, tilePath, tileWidth } from './tiles.ts'

const indexes = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })
const widths = fc.integer({ min: 1, max: 256 })

test('every path reads back as what was written', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 63 }), indexes, widths, (level, index, width) => {
      assert.deepEqual(parseTilePath(tilePath(level, index, width)), { kind: 'hashes', level, index, width })
      assert.deepEqual(parseTilePath(entryBundlePath(index, width, 'entries')), { kind: 'entries', index, width })
    }),
  )
})

test('what is read is the only spelling of it', () => {
  const pieces = fc.constantFrom(
    'tile',
    'entries',
    'data',
    '0',
    '63',
    'x001',
    '234',
    '000',
    '.p',
    '1',
    '255',
    '/',
    '007',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 9 }), (parts) => {
      const path = parts.join('')
      let parsed: ReturnType<typeof parseTilePath>
      try {
        parsed = parseTilePath(path)
      } catch (error) {
        assert.equal((error as { code: string }).code, 'log.path-wrong')
        return
      }
      const { index, width } = parsed
      const again =
        parsed.kind === 'hashes' ? tilePath(parsed.level, index, width) : entryBundlePath(index, width, parsed.kind)
      assert.equal(again, path)
    }),
  )
})

test('impossible tiles have no path', () => {
  for (const [level, index, width] of [
    [-1, 0n, 1],
    [64, 0n, 1],
    [1.5, 0n, 1],
    [0, -1n, 1],
    [0, 2n ** 63n, 1],
    [0, 0n, 0],
    [0, 0n, 257],
    [0, 0n, 1.5],
  ] as const) {
    assert.throws(() => tilePath(level, index, width), { code: 'log.range-wrong' })
  }
})

test('a tree of 70,000 leaves has the tiles that tlog-tiles counts', () => {
  const tiles = newTiles(0n, 70_000n)
  const count = (level: number) => tiles.filter((tile) => tile.level === level).length
  assert.deepEqual([count(0), count(1), count(2), count(3)], [274, 2, 1, 0])
  assert.deepEqual(rightEdgeTiles(70_000n), [
    { level: 0, index: 273n, width: 112 },
    { level: 1, index: 1n, width: 17 },
    { level: 2, index: 0n, width: 1 },
  ])
  assert.deepEqual(rightEdgeTiles(256n), [
    { level: 0, index: 0n, width: 256 },
    { level: 1, index: 0n, width: 1 },
  ])
  assert.deepEqual(rightEdgeTiles(0n), [])
})

test('growing in steps writes what growing at once writes, partial tiles aside', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 8 }), (steps) => {
      const full = new Set<string>()
      let size = 0n
      for (const step of steps) {
        for (const { level, index, width } of newTiles(size, size + BigInt(step))) {
          if (width === 256) full.add(tilePath(level, index, width))
        }
        size += BigInt(step)
      }
      const atOnce = newTiles(0n, size).filter(({ width }) => width === 256)
      assert.deepEqual([...full].sort(), atOnce.map((tile) => tilePath(tile.level, tile.index, tile.width)).sort())
    }),
    { numRuns: 50 },
  )
})

test('no tile is written when nothing was added, and a log does not shrink', () => {
  assert.deepEqual(newTiles(300n, 300n), [])
  assert.throws(() => newTiles(2n, 1n), { code: 'log.range-wrong' })
  assert.throws(() => newTiles(-1n, 1n), { code: 'log.range-wrong' })
})

test('a tile beyond the tree has no hashes', () => {
  assert.equal(tileWidth(0, 2n, 512n), 0)
  assert.equal(tileWidth(0, 1n, 300n), 44)
  assert.equal(tileWidth(1, 0n, 300n), 1)
})
