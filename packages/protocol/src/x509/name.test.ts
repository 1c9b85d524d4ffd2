import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readDer } from '../der/readDer.ts'
import { integer, oid, sequence, set, utf8String } from '../der/writeDer.ts'
import { checkName, EMPTY_NAME, nameText, readName, writeName } from './name.ts'

function attribute(type: string, value: Uint8Array): Uint8Array {
  return sequence(oid(type), value)
}

test('names are read back', () => {
  const texts = fc.option(fc.string({ unit: 'grapheme', maxLength: 30 }), { nil: undefined })
  fc.assert(
    fc.property(texts, texts, texts, (commonName, organization, organizationalUnit) => {
      const attributes = JSON.parse(JSON.stringify({ commonName, organization, organizationalUnit }))
      const name = writeName(attributes)
      checkName(readDer(name))
      assert.deepEqual(readName(name), attributes)
    }),
  )
})

const texts: readonly (readonly [what: string, name: Uint8Array, text: string])[] = [
  ['the empty name', EMPTY_NAME, ''],
  [
    'the most specific level first',
    writeName({ commonName: 'a', organization: 'b', organizationalUnit: 'c' }),
    'CN=a,OU=c,O=b',
  ],
  ['escapes', writeName({ commonName: 'a,b+"c"\\<d>;=' }), 'CN=a\\,b\\+\\"c\\"\\\\\\<d\\>\\;\\='],
  ['spaces and number signs at the ends', writeName({ commonName: ' #a ' }), 'CN=\\ #a\\ '],
  ['control characters', writeName({ commonName: 'a\u001b[2J\n' }), 'CN=a\\1b[2J\\0a'],
  [
    'two attributes on a level',
    sequence(set(attribute('2.5.4.3', utf8String('a')), attribute('2.5.4.10', utf8String('b')))),
    'CN=a+O=b',
  ],
  ['a common name that is no text', sequence(set(attribute('2.5.4.3', integer(1)))), 'CN=#020101'],
  ['a common name of broken UTF-8', sequence(set(attribute('2.5.4.3', Uint8Array.of(0x0c, 1, 0xff)))), 'CN=#0c01ff'],
  ['an unknown type by its encoding', sequence(set(attribute('1.2.3', utf8String('a')))), '1.2.3=#0c0161'],
]

for (const [what, name, text] of texts) {
  test(`text of a name: ${what}`, () => assert.equal(nameText(name), text))
}

test('an injected attribute does not look like a real one', () => {
  assert.notEqual(
    nameText(writeName({ commonName: 'a,O=b' })),
    nameText(writeName({ commonName: 'a', organization: 'b' })),
  )
})

const broken: readonly (readonly [what: string, name: Uint8Array])[] = [
  ['a number', integer(1)],
  ['a level that is no set', sequence(integer(1))],
  ['an attribute without value', sequence(set(sequence(oid('2.5.4.3'))))],
  ['an attribute with two values', sequence(set(sequence(oid('2.5.4.3'), integer(1), integer(2))))],
]

for (const [what, name] of broken) {
  test(`a name with ${what} is refused`, () => {
    assert.throws(() => checkName(readDer(name)), { code: 'der.unexpected' })
    assert.throws(() => nameText(name), { code: 'der.unexpected' })
    assert.throws(() => readName(name), { code: 'der.unexpected' })
  })
}
