import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '../json/canonicalJson.ts'
import { jsonFields } from './jsonFields.ts'

const read = jsonFields((message) => new RangeError(message))

test('values of the asked form are given back', () => {
  assert.deepEqual(read.closed({ a: 1 }, 'x', ['a', 'b']), { a: 1 })
  assert.deepEqual(
    read.list([1, 2], 'x', { min: 1, max: 2 }, (one, what) => `${what}=${one}`),
    ['x[0]=1', 'x[1]=2'],
  )
  assert.equal(read.text('', 'x', { min: 0, max: 1 }), '')
  assert.equal(read.text('ab', 'x', { max: 2, pattern: /^a/ }), 'ab')
  assert.equal(read.name('a.b-c_1', 'x'), 'a.b-c_1')
  assert.equal(read.count(0, 'x'), 0)
  assert.equal(read.flag(false, 'x'), false)
  assert.equal(read.sha256('ab'.repeat(32), 'x'), 'ab'.repeat(32))
})

test('a time of RFC 3339 in UTC is read to the millisecond', () => {
  for (const [text, expected] of [
    ['2026-11-20T12:00:00Z', '2026-11-20T12:00:00.000Z'],
    ['2026-11-20T12:00:00.123456789Z', '2026-11-20T12:00:00.123Z'],
    ['2028-02-29T23:59:59Z', '2028-02-29T23:59:59.000Z'],
  ] as const) {
    assert.equal(read.time(text, 'x').toISOString(), expected)
  }
})

const wrong: readonly (readonly [what: string, read: () => unknown])[] = [
  ['a list as object', () => read.object([], 'x')],
  ['null as object', () => read.object(null, 'x')],
  ['nothing as object', () => read.object(undefined, 'x')],
  ['a field too many', () => read.closed({ a: 1, b: 2 }, 'x', ['a'])],
  ['a field of every object', () => read.closed(JSON.parse('{"__proto__":1}'), 'x', ['a'])],
  ['an object as list', () => read.list({ length: 1 }, 'x', { max: 1 }, String)],
  ['a list that is too long', () => read.list([1, 2], 'x', { max: 1 }, String)],
  ['a list that is too short', () => read.list([], 'x', { min: 1, max: 1 }, String)],
  ['a number as text', () => read.text(1, 'x', { max: 9 })],
  ['no text', () => read.text('', 'x', { max: 9 })],
  ['a text that is too long', () => read.text('abc', 'x', { max: 2 })],
  ['a text of another form', () => read.text('b', 'x', { max: 2, pattern: /^a/ })],
  ['a name with a space', () => read.name('a b', 'x')],
  ['a name that begins with a dash', () => read.name('-a', 'x')],
  ['a count below its least', () => read.count(0, 'x', 9, 1)],
  ['a count above its most', () => read.count(10, 'x', 9)],
  ['half a count', () => read.count(0.5, 'x')],
  ['a count beyond 2^53', () => read.count(2 ** 53, 'x')],
  ['1 as flag', () => read.flag(1, 'x')],
  ['a digest with white space', () => read.sha256(`${'ab'.repeat(32)}\n`, 'x')],
  ...(
    [
      null,
      0,
      '',
      '2026-11-20',
      '2026-11-20T12:00:00',
      '2026-11-20T12:00:00+00:00',
      '2026-11-20T24:00:00Z',
      '2026-11-20T12:60:00Z',
      '2026-02-29T12:00:00Z',
      '2026-11-20T12:00:00.Z',
      ' 2026-11-20T12:00:00Z',
    ] as JsonValue[]
  ).map((json) => [`${JSON.stringify(json)} as time`, () => read.time(json, 'x')] as const),
]
for (const [what, ask] of wrong) {
  test(`refused with the caller's error: ${what}`, () => assert.throws(ask, RangeError))
}

test('the message names the field, and at most 80 characters of what was unknown', () => {
  const name = 'x'.repeat(1000)
  assert.throws(() => read.closed({ [name]: 1 }, 'the release', []), {
    message: `the release has the unknown field "${'x'.repeat(80)}"`,
  })
})
