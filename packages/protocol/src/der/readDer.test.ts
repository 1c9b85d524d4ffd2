import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CodedError } from '../errors/codedError.ts'
import { readDer } from './readDer.ts'
import { translateDerErrors } from './translateDerErrors.ts'
import { explicit, integer, octetString, sequence, set, utf8String } from './writeDer.ts'

/** Any structure of the writer, as a tree. */
const structures = fc.letrec<{ node: Uint8Array }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.bigInt().map(integer),
    fc.uint8Array().map(octetString),
    fc.string({ unit: 'grapheme' }).map(utf8String),
    fc.array(tie('node'), { maxLength: 4 }).map((members) => sequence(...members)),
    fc.array(tie('node'), { maxLength: 4 }).map((members) => set(...members)),
    tie('node').map((inner) => explicit(2, inner)),
  ),
})).node

test('whatever the writer writes is read, and its parts are the bytes that were put in', () => {
  fc.assert(
    fc.property(structures, structures, (first, second) => {
      const node = readDer(sequence(first, second))
      assert.deepEqual(
        node.children.map(({ raw }) => raw),
        [first, second],
      )
      assert.equal(node.constructed, true)
      assert.deepEqual(node.content.length, first.length + second.length)
    }),
  )
})

test('a changed, cut or lengthened structure ends in a node or a der error', () => {
  fc.assert(
    fc.property(structures, fc.nat(), fc.nat(255), fc.nat(), (bytes, at, value, cut) => {
      const changed = bytes.slice(0, bytes.length - (cut % 3))
      if (changed.length > 0) changed[at % changed.length] = value
      for (const input of [changed, new Uint8Array([...bytes, value])]) readOrRefuse(input)
    }),
    { numRuns: 500 },
  )
})

test('random bytes end in a node or a der error', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), readOrRefuse), { numRuns: 2000 })
})

function readOrRefuse(bytes: Uint8Array): void {
  try {
    // What is read has one form: reading its own raw bytes gives the same again.
    assert.deepEqual(readDer(bytes).raw, bytes)
  } catch (error) {
    assert.ok(error instanceof CodedError && error.code.startsWith('der.'))
  }
}

test('more bytes, levels or parts than allowed are refused', () => {
  const nested = sequence(sequence(sequence(integer(1))))
  assert.throws(() => readDer(nested, { maxBytes: nested.length - 1 }), { code: 'der.too-large' })
  assert.throws(() => readDer(nested, { maxDepth: 3 }), { code: 'der.too-deep' })
  assert.throws(() => readDer(nested, { maxNodes: 3 }), { code: 'der.too-many-nodes' })
  assert.equal(readDer(nested, { maxBytes: nested.length, maxDepth: 4, maxNodes: 4 }).tag, 0x30)
})

test('the limits hold without being asked for', () => {
  assert.throws(() => readDer(new Uint8Array((1 << 20) + 1)), { code: 'der.too-large' })
  let deep = integer(1)
  for (let level = 0; level < 24; level++) deep = sequence(deep)
  assert.throws(() => readDer(deep), { code: 'der.too-deep' })
  const wide = sequence(...Array.from({ length: 20_000 }, () => integer(1)))
  assert.throws(() => readDer(wide), { code: 'der.too-many-nodes' })
})

test('translateDerErrors turns der errors only', () => {
  const translated = new CodedError('x.y', 'translated')
  const read = () => readDer(Uint8Array.of(0x30))
  assert.throws(() => translateDerErrors(() => translated, read), translated)
  const other = new TypeError('a defect')
  assert.throws(
    () =>
      translateDerErrors(
        () => translated,
        () => {
          throw other
        },
      ),
    other,
  )
})
