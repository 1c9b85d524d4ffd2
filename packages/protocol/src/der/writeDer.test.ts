import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { integerValue, oidValue, timeValue, utf8Value } from './derValues.ts'
import { readDer } from './readDer.ts'
import {
  asciiBytes,
  bitString,
  boolean,
  explicit,
  generalizedTime,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  set,
  tagged,
  time,
  utcTime,
  utf8String,
} from './writeDer.ts'

// Forms worked out by hand from X.690, 8 and 11.
const forms: readonly (readonly [what: string, bytes: Uint8Array, hex: string])[] = [
  ['true', boolean(true), '0101ff'],
  ['false', boolean(false), '010100'],
  ['NULL', nullValue(), '0500'],
  ['zero', integer(0), '020100'],
  ['127', integer(127), '02017f'],
  ['128 has a leading zero', integer(128n), '02020080'],
  ['-1', integer(-1), '0201ff'],
  ['-128', integer(-128n), '020180'],
  ['-129', integer(-129n), '0202ff7f'],
  ['unsigned bytes lose leading zeros', integer(Uint8Array.of(0, 0, 1, 0)), '02020100'],
  ['unsigned bytes with top bit', integer(Uint8Array.of(0xff)), '020200ff'],
  ['no bytes are zero', integer(new Uint8Array()), '020100'],
  ['an octet string', octetString(Uint8Array.of(1, 2)), '04020102'],
  ['a bit string', bitString(Uint8Array.of(0x80), 7), '03020780'],
  ['an object identifier', oid('1.2.840.113549'), '06062a864886f70d'],
  ['an object identifier above 2.47', oid('2.999.3'), '0603883703'],
  ['numbers of up to four bytes', oid('1.2.840.113556.1.8000.2554.15491907'), '060f2a864886f71401be40937a87b1c643'],
  ['a UTF8String', utf8String('ä'), '0c02c3a4'],
  ['a UTCTime', utcTime(new Date('2026-11-20T12:34:56.789Z')), '170d3236313132303132333435365a'],
  ['a GeneralizedTime', generalizedTime(new Date('2050-01-01T00:00:00Z')), '180f32303530303130313030303030305a'],
  ['a SEQUENCE', sequence(integer(1), boolean(true)), '30060201010101ff'],
  ['a SET in order', set(integer(2), integer(1), octetString(new Uint8Array())), '31080201010201020400'],
  ['an explicit tag', explicit(3, integer(5)), 'a303020105'],
]

for (const [what, bytes, hex] of forms) {
  test(`DER of ${what}`, () => assert.equal(bytes.toHex(), hex))
}

for (const [size, header] of [
  [127, '047f'],
  [128, '048180'],
  [255, '0481ff'],
  [256, '04820100'],
  [65536, '0483010000'],
] as const) {
  test(`the length ${size} is written as ${header}`, () => {
    const bytes = octetString(new Uint8Array(size))
    assert.equal(bytes.subarray(0, header.length / 2).toHex(), header)
    assert.equal(readDer(bytes).content.length, size)
  })
}

test('certificates change from UTCTime to GeneralizedTime in 2050', () => {
  assert.equal(time(new Date('2049-12-31T23:59:59Z'))[0], 0x17)
  assert.equal(time(new Date('2050-01-01T00:00:00Z'))[0], 0x18)
  assert.equal(time(new Date('1949-12-31T23:59:59Z'))[0], 0x18)
})

test('integers, texts, identifiers and times are read back', () => {
  const seconds = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true,
  })
  const numbers = fc.tuple(
    fc.constantFrom(0n, 1n, 2n),
    fc.bigInt(0n, 39n),
    fc.array(fc.bigInt(0n, 1n << 60n), { maxLength: 5 }),
  )
  fc.assert(
    fc.property(fc.bigInt(), fc.string({ unit: 'grapheme' }), numbers, seconds, (number, text, [a, b, rest], date) => {
      assert.equal(integerValue(readDer(integer(number)), 'a number'), number)
      assert.equal(utf8Value(readDer(utf8String(text)), 'a text'), text)
      const dotted = [a, b, ...rest].join('.')
      assert.equal(oidValue(readDer(oid(dotted)), 'an identifier'), dotted)
      const wholeSeconds = Math.floor(date.getTime() / 1000) * 1000
      assert.equal(timeValue(readDer(time(new Date(wholeSeconds))), 'a time').getTime(), wholeSeconds)
    }),
  )
})

test('results do not overlap although they share a store', () => {
  const parts = Array.from({ length: 500 }, (_, i) => octetString(new Uint8Array(100).fill(i)))
  for (const [i, part] of parts.entries()) assert.deepEqual(part, tagged(0x04, new Uint8Array(100).fill(i)))
})

const unwritable: readonly (readonly [what: string, write: () => unknown])[] = [
  ['a number beyond 2^53', () => integer(2 ** 53)],
  ['half a number', () => integer(0.5)],
  ['an identifier with one number', () => oid('1')],
  ['an identifier that starts with 3', () => oid('3.1')],
  ['an identifier with 40 in second place', () => oid('1.40')],
  ['an identifier with a leading zero', () => oid('1.02')],
  ['an unpaired surrogate', () => utf8String('\ud800')],
  ['an umlaut in ASCII bytes', () => asciiBytes('ä')],
  ['2050 as UTCTime', () => utcTime(new Date('2050-01-01T00:00:00Z'))],
  ['the year 10000', () => generalizedTime(new Date('+010000-01-01T00:00:00Z'))],
  ['an invalid date', () => time(new Date(Number.NaN))],
]

for (const [what, write] of unwritable) {
  test(`${what} is not written`, () => assert.throws(write, { code: 'der.unwritable' }))
}
