import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  asciiText,
  bitStringBytes,
  booleanValue,
  expectTag,
  integerValue,
  octets,
  oidValue,
  partsOf,
  positiveIntegerBytes,
  sequenceOf,
  smallInteger,
  stringValue,
  timeValue,
  utf8Value,
} from './derValues.ts'
import { type DerNode, readDer } from './readDer.ts'
import { bitString, boolean, integer, octetString, sequence, tagged } from './writeDer.ts'

function node(hex: string): DerNode {
  return readDer(Uint8Array.fromHex(hex))
}

function text(tag: number, value: string): DerNode {
  return readDer(tagged(tag, new TextEncoder().encode(value)))
}

test('values of each type are read', () => {
  assert.equal(booleanValue(readDer(boolean(true)), 'it'), true)
  assert.equal(integerValue(readDer(integer(-300)), 'it'), -300n)
  assert.equal(smallInteger(readDer(integer(0x7fffffff)), 'it'), 0x7fffffff)
  assert.deepEqual(positiveIntegerBytes(readDer(integer(200)), 'it'), Uint8Array.of(200))
  assert.deepEqual(octets(readDer(octetString(Uint8Array.of(1))), 'it'), Uint8Array.of(1))
  assert.deepEqual(bitStringBytes(readDer(bitString(Uint8Array.of(1))), 'it'), Uint8Array.of(1))
  assert.equal(oidValue(node('0603883703'), 'it'), '2.999.3')
})

test('each kind of string is read', () => {
  assert.equal(stringValue(text(0x0c, 'ä'), 'it'), 'ä')
  assert.equal(stringValue(text(0x16, 'a'), 'it'), 'a')
  assert.equal(stringValue(text(0x13, 'a'), 'it'), 'a')
  assert.equal(stringValue(node('1401e4'), 'it'), 'ä')
  assert.equal(stringValue(node('1e0220ac'), 'it'), '€')
})

const times: readonly (readonly [tag: number, text: string, iso: string])[] = [
  [0x17, '491231235959Z', '2049-12-31T23:59:59.000Z'],
  [0x17, '500101000000Z', '1950-01-01T00:00:00.000Z'],
  [0x18, '20240229000000Z', '2024-02-29T00:00:00.000Z'],
  [0x18, '20261120123456.7Z', '2026-11-20T12:34:56.700Z'],
  [0x18, '20261120123456.123456Z', '2026-11-20T12:34:56.123Z'],
  [0x18, '00010101000000Z', '0001-01-01T00:00:00.000Z'],
]

for (const [tag, value, iso] of times) {
  test(`the time ${value} is ${iso}`, () => assert.equal(timeValue(text(tag, value), 'it').toISOString(), iso))
}

const badTimes: readonly (readonly [tag: number, text: string])[] = [
  [0x17, '2611201234Z'],
  [0x17, '261120123456+0100'],
  [0x17, '20261120123456Z'],
  [0x18, '20261120123456'],
  [0x18, '20261120123456.Z'],
  [0x18, '20261120123456.70Z'],
  [0x18, '20260229000000Z'],
  [0x18, '20261320123456Z'],
  [0x18, '20260020123456Z'],
  [0x18, '20261120240000Z'],
  [0x18, '20261120126056Z'],
  [0x18, '20261120123460Z'],
]

for (const [tag, value] of badTimes) {
  test(`the time ${value} is refused`, () => {
    assert.throws(() => timeValue(text(tag, value), 'it'), { code: 'der.bad-value' })
  })
}

const unexpected: readonly (readonly [what: string, read: () => unknown])[] = [
  ['another tag', () => expectTag(readDer(integer(1)), 0x30, 'it')],
  ['nothing', () => expectTag(undefined, 0x30, 'it')],
  ['too few parts', () => sequenceOf(readDer(sequence()), 'it', 1)],
  ['too many parts', () => sequenceOf(readDer(sequence(integer(1))), 'it', 0, 0)],
  ['a part that is missing', () => partsOf(readDer(sequence()), 'it').takeAny('a part')],
  ['a part of another type', () => partsOf(readDer(sequence(integer(1))), 'it').take(0x04, 'a part')],
  ['a part that is left', () => partsOf(readDer(sequence(integer(1))), 'it').end('it')],
  ['zero where positive', () => positiveIntegerBytes(readDer(integer(0)), 'it')],
  ['negative where positive', () => positiveIntegerBytes(readDer(integer(-5)), 'it')],
  ['2^31 where small', () => smallInteger(readDer(integer(2 ** 31)), 'it')],
  ['negative where small', () => smallInteger(readDer(integer(-1)), 'it')],
  ['no bytes where small', () => smallInteger(node('8000'), 'it', 0x80)],
  ['half bytes', () => bitStringBytes(readDer(bitString(Uint8Array.of(0x80), 7)), 'it')],
  ['a number as string', () => stringValue(readDer(integer(1)), 'it')],
  ['a number as time', () => timeValue(readDer(integer(1)), 'it')],
  ['a number as identifier', () => oidValue(readDer(integer(1)), 'it')],
  ['a number as octets', () => octets(readDer(integer(1)), 'it')],
  ['octets as number', () => integerValue(readDer(octetString(Uint8Array.of(1))), 'it')],
  ['a number as truth', () => booleanValue(readDer(integer(1)), 'it')],
]

for (const [what, read] of unexpected) {
  test(`${what} is refused as unexpected`, () => assert.throws(read, { code: 'der.unexpected' }))
}

const badValues: readonly (readonly [what: string, read: () => unknown])[] = [
  ['broken UTF-8', () => utf8Value(node('0c01ff'), 'it')],
  ['a byte above ASCII', () => asciiText(Uint8Array.of(0x80), 'it')],
  ['a byte above ASCII in an IA5String', () => stringValue(node('160180'), 'it')],
  ['half a character', () => stringValue(node('1e0120'), 'it')],
  ['an unpaired surrogate', () => stringValue(node('1e02d800'), 'it')],
]

for (const [what, read] of badValues) {
  test(`${what} is refused as a bad value`, () => assert.throws(read, { code: 'der.bad-value' }))
}
