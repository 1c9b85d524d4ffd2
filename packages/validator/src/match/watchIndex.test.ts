import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { type Advisory, readAdvisory } from '@countersign/protocol/osv/advisory.ts'
import { affects, type PackageVersion } from '@countersign/protocol/osv/evaluate.ts'
import fc from 'fast-check'
import { WatchIndex } from './watchIndex.ts'

function advisory(fixed: string, more: object = {}): Advisory {
  const ranges: JsonValue = [{ type: 'SEMVER', events: [{ introduced: '1.0.0' }, { fixed }] }]
  const affected = [{ package: { ecosystem: 'npm', name: 'left' }, ranges }]
  return readAdvisory({ id: 'A', modified: '2026-01-01T00:00:00Z', affected, ...more })
}

function left(version: string): PackageVersion {
  return { ecosystem: 'npm', name: 'left', version }
}

function seen(index: WatchIndex, before: Advisory | undefined, after: Advisory | undefined) {
  const change = { id: 'A', ...(before && { before }), ...(after && { after }) }
  return index.reachedBy([change]).map((one) => [one.effect, one.component.version, ...one.certifications])
}

test('a new advisory reaches exactly the certifications with an affected version', () => {
  const index = new WatchIndex()
  index.add(1, [left('1.0.0'), { ecosystem: 'npm', name: 'right', version: '1.0.0' }])
  index.add(2, [left('2.0.0')])
  index.add(3, [left('1.0.0'), left('1.5.0'), left('1.5.0')])
  index.add(4, [left('latest')])
  assert.deepEqual(seen(index, undefined, advisory('2.0.0')), [
    ['affected', '1.0.0', 1, 3],
    ['affected', '1.5.0', 3],
    ['unclear', 'latest', 4],
  ])
  const reached = index.reachedBy([{ id: 'A', after: advisory('2.0.0') }])
  assert.deepEqual([...index.certificationsOf(reached)].sort(), [1, 3, 4])
})

test('only the difference of a changed advisory counts', () => {
  const index = new WatchIndex()
  index.add(1, [left('1.0.0')])
  index.add(2, [left('2.0.0')])
  const narrow = advisory('1.5.0')
  const wide = advisory('3.0.0')
  assert.deepEqual(seen(index, narrow, wide), [['affected', '2.0.0', 2]])
  assert.deepEqual(seen(index, wide, narrow), [['cleared', '2.0.0', 2]])
  assert.deepEqual(seen(index, narrow, advisory('1.5.0', { summary: 'other words' })), [])
  assert.deepEqual(seen(index, narrow, { ...narrow, withdrawn: '2026-01-02T00:00:00Z' }), [['cleared', '1.0.0', 1]])
  assert.deepEqual(seen(index, narrow, undefined), [['cleared', '1.0.0', 1]])
})

test('whatever is added, replaced and removed, the answer is that of asking each certification', () => {
  const version = fc.constantFrom('0.9.0', '1.0.0', '1.2.0', '2.0.0')
  const step = fc.record({ id: fc.nat(8), versions: fc.array(version, { maxLength: 3 }), removes: fc.boolean() })
  const wanted = advisory('2.0.0')
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const index = new WatchIndex()
      const model = new Map<number, readonly string[]>()
      for (const { id, versions, removes } of steps) {
        if (removes) index.remove(id)
        else index.add(id, versions.map(left))
        if (removes) model.delete(id)
        else model.set(id, versions)
      }
      const isHit = (one: string) => affects(wanted, left(one)).result === 'affected'
      const expected = [...model].filter(([, versions]) => versions.some(isHit)).map(([id]) => id)
      const reached = index.certificationsOf(index.reachedBy([{ id: 'A', after: wanted }]))
      assert.deepEqual([...reached].sort(), expected.sort())
      assert.equal(index.size, model.size)
    }),
  )
})

test('what is no number of a certification is refused', () => {
  const index = new WatchIndex()
  for (const id of [-1, 1.5, 2 ** 26]) assert.throws(() => index.add(id, []), RangeError)
})
