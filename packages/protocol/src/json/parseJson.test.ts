import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CodedError } from '../errors/codedError.ts'
import { parseJson } from './parseJson.ts'

const LIMITS = { maxBytes: 1000 }

const number = fc.oneof(fc.maxSafeInteger(), fc.double({ min: -1e15, max: 1e15, noNaN: true }))
const leaf = fc.oneof(number, fc.boolean(), fc.constant(null), fc.string({ unit: 'grapheme' }))
const documents = fc.object({ values: [leaf], key: fc.string({ unit: 'grapheme' }), maxDepth: 5 })

test('whatever JSON.stringify writes is read back, indented or not', () => {
  fc.assert(
    fc.property(documents, fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent)
      assert.deepEqual(parseJson(text, { maxBytes: 1 << 20 }), JSON.parse(text))
    }),
  )
})

test('strings that look like structure are read as strings', () => {
  const value = { a: '{"a":1,"a":2}', b: ['\\"', '"', '[['], 'c"d': ':' }
  assert.deepEqual(parseJson(JSON.stringify(value), LIMITS), value)
})

test('the same key may stand in different objects, and as a value', () => {
  const text = '{"a":{"a":["a","a"]},"b":{"a":1}, "c" : {"b":"a"}}'
  assert.deepEqual(parseJson(text, LIMITS), JSON.parse(text))
})

test('a key of the prototype is a key like any other', () => {
  const value = parseJson('{"__proto__":{"admin":true}}', LIMITS) as object
  assert.equal(Object.hasOwn(value, '__proto__'), true)
  assert.equal('admin' in value, false)
})

test('numbers that a double holds exactly are read', () => {
  assert.deepEqual(parseJson('[9007199254740991,-0,1.5e3,0.1]', LIMITS), [9007199254740991, -0, 1500, 0.1])
})

const bad: readonly (readonly [what: string, input: string | Uint8Array, code: string])[] = [
  ['more bytes than allowed', `"${'x'.repeat(999)}"`, 'json.too-large'],
  ['more bytes than characters allow', `"${'€'.repeat(400)}"`, 'json.too-large'],
  ['broken UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 'json.bad-text'],
  ['an overlong UTF-8 form', Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), 'json.bad-text'],
  ['an unpaired surrogate', '"\ud800"', 'json.bad-text'],
  ['an escaped unpaired surrogate', '"\\ud800"', 'json.bad-text'],
  ['a byte order mark', Uint8Array.of(0xef, 0xbb, 0xbf, 0x31), 'json.syntax'],
  ['nothing', '', 'json.syntax'],
  ['two documents', '1 2', 'json.syntax'],
  ['a trailing comma', '[1,]', 'json.syntax'],
  ['a comment', '{}//', 'json.syntax'],
  ['single quotes', "{'a':1}", 'json.syntax'],
  ['NaN', 'NaN', 'json.syntax'],
  ['33 levels', `${'['.repeat(33)}${']'.repeat(33)}`, 'json.too-deep'],
  ['the same key twice', '{"a":1,"b":2,"a":3}', 'json.duplicate-key'],
  ['the same key twice, once escaped', '{"a":1,"\\u0061":2}', 'json.duplicate-key'],
  ['the same key twice, deep inside', '[{"x":{"k":1 , "k" :2}}]', 'json.duplicate-key'],
  ['the same key twice, after a nested object', '{"a":{"b":[1]},"a":3}', 'json.duplicate-key'],
  ['an integer beyond 2^53', '[9007199254740993]', 'json.number-out-of-range'],
  ['a number beyond all doubles', '{"a":-1e999}', 'json.number-out-of-range'],
]

for (const [what, input, code] of bad) {
  test(`${what} is refused with ${code}`, () => assert.throws(() => parseJson(input, LIMITS), { code }))
}

test('32 levels are read, and fewer where fewer are allowed', () => {
  const text = `${'['.repeat(32)}${']'.repeat(32)}`
  assert.ok(Array.isArray(parseJson(text, LIMITS)))
  assert.throws(() => parseJson('[[[1]]]', { maxBytes: 100, maxDepth: 2 }), { code: 'json.too-deep' })
})

test('random bytes end in a value or a coded error', () => {
  const pieces = fc.constantFrom('{', '}', '[', ']', '"', ',', ':', '\\', '\\u00', '1', 'e', '-', 'true', ' ', 'a')
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.array(pieces).map((all) => all.join('')),
      ),
      (input) => {
        try {
          parseJson(input, LIMITS)
        } catch (error) {
          assert.ok(error instanceof CodedError)
        }
      },
    ),
    { numRuns: 500 },
  )
})
