import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { tufCanonicalJson } from './tufJson.ts'

const text = (value: JsonValue) => new TextDecoder().decode(tufCanonicalJson(value))

test('keys are sorted, nothing is spaced, only backslash and quotation mark are escaped', () => {
  assert.equal(text({ b: [1, true, null], a: 'x"\\\n' }), '{"a":"x\\"\\\\\n","b":[1,true,null]}')
})

test('what canonical JSON cannot express is refused', () => {
  assert.throws(() => tufCanonicalJson(1.5), { code: 'trust.anchors-wrong' })
  assert.throws(() => tufCanonicalJson({ a: undefined as never }), { code: 'trust.anchors-wrong' })
})
