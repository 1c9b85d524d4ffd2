import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, type JsonValue } from './canonicalJson.ts'
import { parseJson } from './parseJson.ts'

function text(value: JsonValue): string {
  return new TextDecoder().decode(canonicalJson(value))
}

// RFC 8785: 3.2.2 (literals, numbers, strings), 3.2.3 (order) and appendix B (numbers).
const forms: readonly (readonly [what: string, value: JsonValue, canonical: string])[] = [
  ['literals', [null, true, false], '[null,true,false]'],
  ['minus zero', -0, '0'],
  ['a large number', 1e21, '1e+21'],
  ['a number before exponents', 333333333.3333332, '333333333.3333332'],
  ['a small number', 1e-7, '1e-7'],
  ['the smallest number', 5e-324, '5e-324'],
  ['an integral double', 4.5e15, '4500000000000000'],
  ['control characters', '\u0000\b\t\n\u000b\f\r\u001f', '"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f"'],
  ['quotes and solidus', '"\\/', '"\\"\\\\/"'],
  ['characters outside ASCII', '€\u2028😂', '"€\u2028😂"'],
  [
    'keys in UTF-16 order',
    { '\u20ac': 1, '\r': 2, '1': 3, '😂': 4, '\ufb33': 5 },
    '{"\\r":2,"1":3,"€":1,"😂":4,"\ufb33":5}',
  ],
  ['nested empties', { b: {}, a: [] }, '{"a":[],"b":{}}'],
]

for (const [what, value, canonical] of forms) {
  test(`canonical form: ${what}`, () => assert.equal(text(value), canonical))
}

test('what is canonical stays so after reading', () => {
  const leaf = fc.oneof(
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, min: -1e15, max: 1e15 }),
    fc.string({ unit: 'grapheme' }),
  )
  fc.assert(
    fc.property(fc.object({ values: [leaf], key: fc.string({ unit: 'grapheme' }), maxDepth: 4 }), (value) => {
      const canonical = canonicalJson(JSON.parse(JSON.stringify(value)) as JsonValue)
      assert.deepEqual(canonicalJson(parseJson(canonical, { maxBytes: 1 << 20 })), canonical)
    }),
  )
})

const inexpressible: readonly (readonly [what: string, value: unknown])[] = [
  ['undefined', { a: undefined }],
  ['a bigint', [1n]],
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['a function', () => 1],
]

for (const [what, value] of inexpressible) {
  test(`${what} is not written`, () => {
    assert.throws(() => canonicalJson(value as JsonValue), { code: 'json.not-json' })
  })
}

test('an unpaired surrogate is not written, as value or key', () => {
  assert.throws(() => canonicalJson('\ud800'), { code: 'json.bad-text' })
  assert.throws(() => canonicalJson({ '\udc00': 1 }), { code: 'json.bad-text' })
})

test('a cycle ends as too deep', () => {
  const cycle: JsonValue[] = []
  cycle.push(cycle)
  assert.throws(() => canonicalJson(cycle), { code: 'json.too-deep' })
})
