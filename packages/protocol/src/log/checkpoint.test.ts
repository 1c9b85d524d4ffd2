import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { type Checkpoint, checkpointText, openCheckpoint, parseCheckpointText } from './checkpoint.ts'
import { EMPTY_ROOT, sha256 } from './merkle.ts'
import { formatNote, type NoteKey, type NoteKeyType, noteKey } from './note.ts'
import { encodeTreeHeadSignature, treeHeadInput } from './staticCt.ts'

const checkpoint: Checkpoint = {
  origin: 'sign.example.com',
  size: 9_007_199_254_740_993n,
  root: sha256(Uint8Array.of(1)),
  extensions: [],
}
const ed25519 = generateKeyPairSync('ed25519')
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key = keyOf('sign.example.com', 0x01, ed25519.publicKey)
const headKey = keyOf('sign.example.com', 0x05, p256.publicKey)
const timeMs = 1_763_640_000_000n

function keyOf(name: string, type: NoteKeyType, publicKey: typeof ed25519.publicKey): NoteKey {
  return noteKey(name, type, publicKey.export({ format: 'der', type: 'spki' }))
}

function signed(by: NoteKey, signature: Uint8Array, text = checkpointText(checkpoint)): string {
  return formatNote(text, [{ name: by.name, keyHash: by.keyHash, signature }])
}

const plain = (text = checkpointText(checkpoint)) =>
  signed(key, sign(null, Buffer.from(text), ed25519.privateKey), text)
const headBody = encodeTreeHeadSignature(
  timeMs,
  sign('sha256', treeHeadInput(timeMs, checkpoint.size, checkpoint.root), p256.privateKey),
)

test('a signed checkpoint opens, with a size above 2^53', () => {
  const note = plain()
  assert.deepEqual(openCheckpoint(note, key), { ...checkpoint, note })
})

test('extension lines are kept', () => {
  const text = checkpointText({ ...checkpoint, extensions: ['Log frozen — moved', 'x'] })
  assert.deepEqual(openCheckpoint(plain(text), key).extensions, ['Log frozen — moved', 'x'])
})

test('a tree head signature opens and gives its time', () => {
  assert.equal(openCheckpoint(signed(headKey, headBody), headKey).treeHeadTimeMs, timeMs)
})

test('a tree head signature with any changed part is refused', () => {
  const view = (change: (bytes: Uint8Array) => void) => {
    const body = headBody.slice()
    change(body)
    return body
  }
  const wrong = [
    view((body) => body.fill(9, 7, 8)),
    view((body) => body.fill(5, 8, 9)),
    view((body) => body.fill(1, 9, 10)),
    view((body) => body.fill(0, 10, 12)),
    view((body) => body.fill(0, 30, 31)),
    view((body) => body.fill(0xff, 0, 1)),
    headBody.slice(0, 12),
    headBody.slice(0, -1),
  ]
  for (const body of wrong) {
    assert.throws(() => openCheckpoint(signed(headKey, body), headKey), { code: 'log.note-signature-wrong' })
  }
  const other = checkpointText({ ...checkpoint, size: 1n })
  assert.throws(() => openCheckpoint(signed(headKey, headBody, other), headKey), { code: 'log.note-signature-wrong' })
})

test('a tree head signature cannot stand under extensions, nor be missing', () => {
  const extended = checkpointText({ ...checkpoint, extensions: ['x'] })
  assert.throws(() => openCheckpoint(signed(headKey, headBody, extended), headKey), {
    code: 'log.checkpoint-malformed',
  })
  assert.throws(() => openCheckpoint(plain(), headKey), { code: 'log.note-unsigned' })
})

test('a checkpoint of another log is named as such', () => {
  const other = keyOf('other.example.com', 0x01, ed25519.publicKey)
  assert.throws(() => openCheckpoint(plain(), other), { code: 'log.origin-wrong' })
})

test('a forged checkpoint is refused', () => {
  const forged = plain().replace(checkpoint.size.toString(), '5')
  assert.throws(() => openCheckpoint(forged, key), { code: 'log.note-signature-wrong' })
})

test('a cosigner is not the log', () => {
  const cosigner = keyOf('sign.example.com', 0x04, ed25519.publicKey)
  assert.throws(() => openCheckpoint(plain(), cosigner), { code: 'log.key-unsupported' })
})

test('impossible checkpoints are neither written nor read', () => {
  const wrong: Partial<Checkpoint>[] = [
    { origin: '' },
    { origin: 'two words' },
    { origin: 'a+b' },
    { size: -1n },
    { size: 2n ** 63n },
    { size: 0n },
    { root: new Uint8Array(31) },
    { extensions: [''] },
    { extensions: ['a\nb\n'] },
    { extensions: ['\u0007'] },
  ]
  for (const part of wrong) {
    assert.throws(() => checkpointText({ ...checkpoint, ...part }), { code: 'log.checkpoint-malformed' })
  }
  assert.equal(checkpointText({ ...checkpoint, size: 0n, root: EMPTY_ROOT }).split('\n')[1], '0')
  assert.throws(() => parseCheckpointText('a\n1'), { code: 'log.checkpoint-malformed' })
})
