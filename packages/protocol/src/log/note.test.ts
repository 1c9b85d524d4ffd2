import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../errors/codedError.ts'
import { logErrors } from './errors.ts'
import { sha256 } from './merkle.ts'
import {
  formatNote,
  formatVkey,
  logId,
  type NoteKeyType,
  type NoteSignature,
  noteKey,
  parseNote,
  parseVkey,
  verifyNote,
} from './note.ts'

const spki = (key: KeyObject) => new Uint8Array(key.export({ format: 'der', type: 'spki' }))
const ed25519 = generateKeyPairSync('ed25519')
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const mlDsa = generateKeyPairSync('ml-dsa-44')
const keys = {
  1: noteKey('log.example.com', 0x01, spki(ed25519.publicKey)),
  2: noteKey('log.example.com', 0x02, spki(p256.publicKey)),
  4: noteKey('witness.example.com', 0x04, spki(ed25519.publicKey)),
  5: noteKey('log.example.com/ct', 0x05, spki(p256.publicKey)),
  6: noteKey('witness.example.com', 0x06, spki(mlDsa.publicKey)),
}
const text = 'log.example.com\n3\nsome text\n'
const line = (key: { name: string; keyHash: number }, signature: Uint8Array): NoteSignature => ({
  name: key.name,
  keyHash: key.keyHash,
  signature,
})
const signed1 = line(keys[1], sign(null, Buffer.from(text), ed25519.privateKey))
const signed2 = line(keys[2], sign('sha256', Buffer.from(text), p256.privateKey))

test('keys of every type survive being written and read', () => {
  for (const key of Object.values(keys)) {
    const again = parseVkey(formatVkey(key))
    assert.deepEqual({ ...again, key: undefined }, { ...key, key: undefined })
  }
})

test('key ids are made of name and key, of the SPKI alone for ECDSA, of the log id for tree heads', () => {
  const id = (hash: Uint8Array) => new DataView(hash.buffer, hash.byteOffset).getUint32(0)
  const named = (name: string, type: number, material: Uint8Array) =>
    sha256(Buffer.concat([Buffer.from(`${name}\n`), Uint8Array.of(type), material]))
  const raw = spki(ed25519.publicKey).subarray(12)
  assert.deepEqual(logId(keys[1]), named('log.example.com', 1, raw))
  assert.equal(keys[1].keyHash, id(logId(keys[1])))
  assert.deepEqual(logId(keys[2]), sha256(spki(p256.publicKey)))
  assert.equal(keys[2].keyHash, id(logId(keys[2])))
  assert.equal(keys[4].keyHash, id(named('witness.example.com', 4, raw)))
  assert.deepEqual(logId(keys[5]), sha256(spki(p256.publicKey)))
  assert.equal(keys[5].keyHash, id(named('log.example.com/ct', 5, sha256(spki(p256.publicKey)))))
  assert.equal(keys[6].keyHash, id(named('witness.example.com', 6, spki(mlDsa.publicKey).subarray(22))))
})

test('the key that Rekor published in 2025 has the id that its trusted root names', () => {
  // log2025-1.rekor.sigstore.dev, from sigstore's public trusted root.
  const key = Buffer.from('MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=', 'base64')
  assert.equal(
    Buffer.from(logId(noteKey('log2025-1.rekor.sigstore.dev', 0x01, key))).toString('base64'),
    'zxGZFVvd0FEmjR8WrFwMdcAJ9vtaY/QXf44Y1wUeP6A=',
  )
})

test('a note signed by both kinds of log keys verifies for each', () => {
  const note = parseNote(formatNote(text, [signed1, signed2]))
  assert.equal(note.text, text)
  verifyNote(note, keys[1])
  verifyNote(note, keys[2])
})

test('lines of unknown keys are ignored, whatever they hold', () => {
  const unknown = [
    line({ name: 'log.example.com', keyHash: 1 }, Uint8Array.of(1)),
    line({ name: 'x', keyHash: keys[1].keyHash }, Uint8Array.of(1)),
  ]
  verifyNote(parseNote(formatNote(text, [...unknown, signed1])), keys[1])
  assert.throws(() => verifyNote(parseNote(formatNote(text, unknown)), keys[1]), { code: 'log.note-unsigned' })
})

test('one wrong line of a known key refuses the note, even beside a right one', () => {
  const wrong = line(keys[1], signed1.signature.with(0, (signed1.signature[0] as number) ^ 1))
  const note = parseNote(formatNote(text, [signed1, wrong]))
  assert.throws(() => verifyNote(note, keys[1]), { code: 'log.note-signature-wrong' })
})

test('a changed text is refused', () => {
  const note = { ...parseNote(formatNote(text, [signed1])), text: text.replace('3', '4') }
  assert.throws(() => verifyNote(note, keys[1]), { code: 'log.note-signature-wrong' })
})

test('cosigners and tree heads do not sign plain text', () => {
  const note = parseNote(formatNote(text, [signed1]))
  for (const type of [4, 5, 6] as const)
    assert.throws(() => verifyNote(note, keys[type]), { code: 'log.key-unsupported' })
})

test('a key of another algorithm, length or name is refused', () => {
  const wrong: [string, NoteKeyType, Uint8Array][] = [
    ['log', 0x01, spki(p256.publicKey)],
    ['log', 0x01, new Uint8Array(31)],
    ['log', 0x02, spki(ed25519.publicKey)],
    ['log', 0x02, new Uint8Array(40)],
    ['log', 0x05, spki(ed25519.publicKey)],
    ['log', 0x06, spki(ed25519.publicKey)],
    ['', 0x01, new Uint8Array(32)],
    ['a b', 0x01, new Uint8Array(32)],
    ['a+b', 0x01, new Uint8Array(32)],
    ['a\u2003b', 0x01, new Uint8Array(32)],
    ['a\ud800', 0x01, new Uint8Array(32)],
  ]
  for (const [name, type, key] of wrong) assert.throws(() => noteKey(name, type, key), { code: 'log.key-malformed' })
})

test('a note that could not be read back is not written', () => {
  for (const bad of ['no line feed', '', 'a\n\u0007\n']) {
    assert.throws(() => formatNote(bad, [signed1]), { code: 'log.note-malformed' })
  }
  assert.throws(() => formatNote(text, []), { code: 'log.note-malformed' })
  assert.throws(() => formatNote(text, [{ ...signed1, name: 'two words' }]), { code: 'log.note-malformed' })
})

test('a text with a blank line keeps it: the last one ends the text', () => {
  const two = 'a\n\nb\n'
  assert.equal(parseNote(formatNote(two, [signed1])).text, two)
})

// Every one that a string can hold, halves of pairs too. The same by name, `binary`, takes a second to build its tables.
const anyCharacter = fc.integer({ min: 0, max: 0x10_ff_ff }).map((code) => String.fromCodePoint(code))

test('notes and keys with changed characters are refused with a code of this folder', () => {
  const note = formatNote(text, [signed1, signed2])
  for (const [sound, parse] of [
    [note, parseNote],
    [formatVkey(keys[1]), parseVkey],
  ] as const) {
    fc.assert(
      fc.property(fc.nat(sound.length - 1), fc.string({ unit: anyCharacter, maxLength: 3 }), (at, insert) => {
        try {
          parse(sound.slice(0, at) + insert + sound.slice(at + 1))
        } catch (error) {
          assert.ok(
            Object.keys(logErrors).some((code) => hasCode(error, code)),
            String(error),
          )
        }
      }),
    )
  }
})
