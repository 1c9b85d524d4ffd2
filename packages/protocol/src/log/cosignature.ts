import { verify } from 'node:crypto'
import { concatBytes } from '../json/base64.ts'
import { type Checkpoint, parseCheckpointText } from './checkpoint.ts'
import { logError } from './errors.ts'
import { isSignedBy, type NoteKey, type NoteSignature, parseNote, type SignedNote, verifyLines } from './note.ts'

const TIME_BYTES = 8
const TIME_LIMIT = 2n ** 63n
const MAX_NAME_BYTES = 255
// Largest time that a Date can hold, in seconds.
const DATE_LIMIT_SECONDS = 8_640_000_000_000n
const SUBTREE_LABEL = Buffer.from('subtree/v1\n\0')

/** A verified statement of a witness: at `time` this was the largest consistent tree it had seen. */
export interface Cosignature {
  readonly name: string
  readonly time: Date
}

/**
 * The bytes that an Ed25519 cosigner (key type 4) signs: `cosignature/v1`, `time <POSIX seconds>`, then the whole text of
 * the note. C2SP tlog-cosignature. The name of the cosigner is not bound, so one key serves one cosigner.
 */
function cosignatureMessage(timeSeconds: bigint, noteText: string): Uint8Array {
  checkTime(timeSeconds)
  return new Uint8Array(Buffer.from(`cosignature/v1\ntime ${timeSeconds}\n${noteText}`))
}

/**
 * The bytes that an ML-DSA-44 cosigner (key type 6) signs for a whole checkpoint: `subtree/v1\n\0`, its name, the time in
 * POSIX seconds, the origin, start 0, end = size, root. C2SP tlog-cosignature, main. No FIPS 204 context. Extensions
 * are not covered, so a checkpoint with extensions is refused.
 */
function subtreeMessage(name: string, timeSeconds: bigint, checkpoint: Checkpoint): Uint8Array {
  checkTime(timeSeconds)
  if (checkpoint.extensions.length > 0) {
    throw logError('log.checkpoint-malformed', 'an ML-DSA cosignature cannot cover extension lines')
  }
  const numbers = new Uint8Array(2 * TIME_BYTES)
  new DataView(numbers.buffer).setBigUint64(TIME_BYTES, checkpoint.size)
  return concatBytes(
    SUBTREE_LABEL,
    prefixed(name),
    timeBytes(timeSeconds),
    prefixed(checkpoint.origin),
    numbers,
    checkpoint.root,
  )
}

/**
 * The bytes that `key` (type 4 or 6) signs at `timeSeconds` for the checkpoint text. Throws `log.key-unsupported` for others,
 * `log.range-wrong` for a time that is zero or not below 2^63 or a name that does not fit, and for type 6
 * `log.checkpoint-malformed` for extensions.
 */
export function messageFor(key: Pick<NoteKey, 'name' | 'type'>, timeSeconds: bigint, noteText: string): Uint8Array {
  if (key.type === 0x04) return cosignatureMessage(timeSeconds, noteText)
  if (key.type === 0x06) return subtreeMessage(key.name, timeSeconds, parseCheckpointText(noteText))
  throw logError('log.key-unsupported', 'this key is not the key of a cosigner')
}

/** The note signature that carries a cosignature: u64 POSIX seconds ‖ signature over `messageFor`. C2SP tlog-cosignature. Throws `log.range-wrong`. */
export function cosignature(
  key: Pick<NoteKey, 'name' | 'keyHash'>,
  timeSeconds: bigint,
  signature: Uint8Array,
): NoteSignature {
  checkTime(timeSeconds)
  return { name: key.name, keyHash: key.keyHash, signature: concatBytes(timeBytes(timeSeconds), signature) }
}

/**
 * Who of `witnesses` (keys of type 4 or 6) cosigned this note, and when; in the order of `witnesses`, at most one entry
 * each, the newest of its lines. A witness without a line is left out: the quorum is the caller's policy. A line that
 * names a witness and does not verify refuses the whole note (C2SP signed-note). Does not verify the log's signature.
 * Throws `log.note-signature-wrong`, `log.key-unsupported`, `log.note-malformed`, `log.checkpoint-malformed`.
 */
export function verifyCosignatures(note: string | SignedNote, witnesses: readonly NoteKey[]): Cosignature[] {
  const signed = typeof note === 'string' ? parseNote(note) : note
  return witnesses.flatMap((witness) => {
    if (witness.type !== 0x04 && witness.type !== 0x06) {
      throw logError('log.key-unsupported', 'this key is not the key of a cosigner')
    }
    const lines = signed.signatures.filter((line) => isSignedBy(line, witness))
    if (lines.length === 0) return []
    verifyLines(signed, witness, (line) => isCosignature(line.signature, witness, signed.text))
    const newestSeconds = Math.max(...lines.map((line) => Number(timeOf(line.signature))))
    return [{ name: witness.name, time: new Date(newestSeconds * 1000) }]
  })
}

function isCosignature(body: Uint8Array, witness: NoteKey, text: string): boolean {
  if (body.length <= TIME_BYTES) return false
  const time = timeOf(body)
  // Time 0 marks a signature over a subtree, which says nothing about the newest tree.
  if (time <= 0n || time > DATE_LIMIT_SECONDS) return false
  return verify(null, messageFor(witness, time, text), witness.key, body.subarray(TIME_BYTES))
}

function timeOf(body: Uint8Array): bigint {
  return new DataView(body.buffer, body.byteOffset, body.length).getBigUint64(0)
}

function timeBytes(timeSeconds: bigint): Uint8Array {
  const bytes = new Uint8Array(TIME_BYTES)
  new DataView(bytes.buffer).setBigUint64(0, timeSeconds)
  return bytes
}

function prefixed(text: string): Uint8Array {
  const bytes = Buffer.from(text)
  if (bytes.length === 0 || bytes.length > MAX_NAME_BYTES) {
    throw logError('log.range-wrong', 'a cosigned name has 1 to 255 bytes')
  }
  return concatBytes(Uint8Array.of(bytes.length), bytes)
}

function checkTime(timeSeconds: bigint): void {
  if (timeSeconds <= 0n || timeSeconds >= TIME_LIMIT) {
    throw logError('log.range-wrong', 'the time of a cosignature is positive and below 2^63 seconds')
  }
}
