import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concatBytes, decodeBase64, encodeBase64, equalBytes, fromHex, toHex } from './base64.ts'

test('base64 and hex give back any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.deepEqual(decodeBase64(encodeBase64(bytes), 'the bytes'), bytes)
      assert.deepEqual(fromHex(toHex(bytes), 'the bytes'), bytes)
    }),
  )
})

const badBase64 = [
  ['no padding', 'QQ'],
  ['half the padding', 'QQ='],
  ['padding alone', '===='],
  ['a line feed', 'QUJD\n'],
  ['spaces that fill up the length', 'QUJD    '],
  ['the URL alphabet', '-_-_'],
  ['set trailing bits', 'QR=='],
  ['padding in the middle', 'QQ==QUJD'],
  ['other characters', 'QUJ%'],
] as const

for (const [what, text] of badBase64) {
  test(`base64 with ${what} is refused`, () => {
    assert.throws(() => decodeBase64(text, 'a value'), { code: 'json.bad-base64' })
  })
}

for (const text of ['a', 'AB', '0g', ' 0', '0x']) {
  test(`hex '${text}' is refused`, () => {
    assert.throws(() => fromHex(text, 'a value'), { code: 'json.bad-hex' })
  })
}

test('equalBytes tells a prefix and a changed byte apart', () => {
  const bytes = Uint8Array.of(1, 2, 3)
  assert.equal(equalBytes(bytes, Uint8Array.of(1, 2, 3)), true)
  assert.equal(equalBytes(bytes, Uint8Array.of(1, 2)), false)
  assert.equal(equalBytes(bytes, Uint8Array.of(1, 2, 4)), false)
})

test('concatBytes keeps the order and does not share memory', () => {
  const first = Uint8Array.of(1)
  const joined = concatBytes(first, new Uint8Array(), Uint8Array.of(2, 3))
  first[0] = 9
  assert.deepEqual(joined, Uint8Array.of(1, 2, 3))
})
