import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import { checkpointText, parseCheckpointText } from './checkpoint.ts'
import { cosignature, messageFor, verifyCosignatures } from './cosignature.ts'
import { sha256 } from './merkle.ts'
import { formatSignatureLine, type NoteKey, noteKey } from './note.ts'

const text = checkpointText({ origin: 'sign.example.com', size: 7n, root: sha256(Uint8Array.of(1)), extensions: [] })
const time = 1_763_640_000n
const classic = witness('w1.example.com', 0x04)
const quantum = witness('w2.example.com', 0x06)

function witness(name: string, type: 0x04 | 0x06): { key: NoteKey; privateKey: KeyObject } {
  const pair = type === 0x04 ? generateKeyPairSync('ed25519') : generateKeyPairSync('ml-dsa-44')
  return {
    key: noteKey(name, type, pair.publicKey.export({ format: 'der', type: 'spki' })),
    privateKey: pair.privateKey,
  }
}

/** The line that a cosigner adds to a note; what it signs may be of another time, text or name than it says. */
function cosign(
  { key, privateKey }: typeof classic,
  at = time,
  signed: { readonly text?: string; readonly at?: bigint; readonly name?: string } = {},
): string {
  const { name = key.name } = signed
  const message = messageFor({ name, type: key.type }, signed.at ?? at, signed.text ?? text)
  return formatSignatureLine(cosignature(key, at, sign(null, message, privateKey)))
}

const note = (...lines: string[]) => `${text}\n${lines.join('')}`

test('the signed bytes are those of the specification', () => {
  const first = { name: 'w1.example.com', type: 0x04 } as const
  assert.equal(new TextDecoder().decode(messageFor(first, 5n, 'a\n')), 'cosignature/v1\ntime 5\na\n')
  const checkpoint = parseCheckpointText(text)
  const name = Buffer.from('w2.example.com').toString('hex')
  const origin = Buffer.from('sign.example.com').toString('hex')
  const expected = [
    Buffer.from('subtree/v1\n\0').toString('hex'),
    `0e${name}`,
    '0000000000000005',
    `10${origin}`,
    '0000000000000000',
    '0000000000000007',
    checkpoint.root.toHex(),
  ]
  assert.equal(messageFor({ name: 'w2.example.com', type: 0x06 }, 5n, text).toHex(), expected.join(''))
})

test('both kinds of cosigners verify, in the order of the witnesses', () => {
  const found = verifyCosignatures(note(cosign(classic), cosign(quantum)), [quantum.key, classic.key])
  const when = new Date(Number(time) * 1000)
  assert.deepEqual(found, [
    { name: 'w2.example.com', time: when },
    { name: 'w1.example.com', time: when },
  ])
})

test('a witness without a line is left out; of several lines the newest counts', () => {
  assert.deepEqual(verifyCosignatures(note(cosign(classic)), [quantum.key]), [])
  const [found] = verifyCosignatures(note(cosign(classic, time + 9n), cosign(classic)), [classic.key])
  assert.equal(found?.time.getTime(), Number(time + 9n) * 1000)
})

test('a cosignature for another tree, time or name refuses the note', () => {
  const other = text.replace('\n7\n', '\n8\n')
  const body = (bytes: Uint8Array, by: NoteKey) =>
    formatSignatureLine({ name: by.name, keyHash: by.keyHash, signature: bytes })
  const zeroTime = new Uint8Array(72)
  const wrong: [string, NoteKey][] = [
    [cosign(classic, time, { text: other }), classic.key],
    [cosign(quantum, time, { text: other }), quantum.key],
    [body(zeroTime, classic.key), classic.key],
    [body(new Uint8Array(8), classic.key), classic.key],
    [body(new Uint8Array(72).fill(0x7f), classic.key), classic.key],
    [cosign(classic, time + 1n, { at: time }), classic.key],
    [cosign(quantum, time, { name: 'w3' }), quantum.key],
  ]
  for (const [line, key] of wrong) {
    assert.throws(() => verifyCosignatures(note(line), [key]), { code: 'log.note-signature-wrong' })
  }
})

test('the key of a log is not a witness', () => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const log = noteKey('sign.example.com', 0x01, publicKey.export({ format: 'der', type: 'spki' }))
  assert.throws(() => verifyCosignatures(note(cosign(classic)), [log]), { code: 'log.key-unsupported' })
  assert.throws(() => messageFor(log, time, text), { code: 'log.key-unsupported' })
})

test('times and names that do not fit are refused', () => {
  const named = (name: string) => ({ name, type: 0x06 }) as const
  assert.throws(() => messageFor(classic.key, 0n, text), { code: 'log.range-wrong' })
  assert.throws(() => messageFor(classic.key, 2n ** 63n, text), { code: 'log.range-wrong' })
  assert.throws(() => cosignature(classic.key, -1n, new Uint8Array(64)), { code: 'log.range-wrong' })
  assert.throws(() => messageFor(named('w'.repeat(256)), time, text), { code: 'log.range-wrong' })
  const extended = checkpointText({ ...parseCheckpointText(text), extensions: ['x'] })
  assert.throws(() => messageFor(named('w'), time, extended), { code: 'log.checkpoint-malformed' })
})
