import { decodeBase64, encodeBase64, equalBytes } from '../json/base64.ts'
import { logError } from './errors.ts'
import { EMPTY_ROOT, HASH_BYTES, type Hash, TREE_SIZE_LIMIT } from './merkle.ts'
import { isSignedBy, type NoteKey, parseNote, type SignedNote, verifyLines, verifyNote } from './note.ts'
import { treeHeadTimeMs, verifyTreeHead } from './staticCt.ts'

/** What a log commits to: its first `size` entries have the Merkle root `root`. C2SP tlog-checkpoint. */
export interface Checkpoint {
  /** URL prefix of the log without scheme and trailing slash; no spaces, no `+`. */
  readonly origin: string
  /** Number of entries, below 2^63. */
  readonly size: bigint
  readonly root: Hash
  /** Further lines, normally none. */
  readonly extensions: readonly string[]
}

/** A checkpoint whose log signature verified. Made by `openCheckpoint`. */
export interface VerifiedCheckpoint extends Checkpoint {
  /** The signed note it came from, cosignatures included. */
  readonly note: string
  /** Time of an RFC 6962 tree head, in milliseconds since 1970; only with a key of type 5. */
  readonly treeHeadTimeMs?: bigint
}

/**
 * The text that a log signs: origin, size, base64 root and extensions, each with a line feed. C2SP tlog-checkpoint.
 * Throws `log.checkpoint-malformed` for a value that cannot stand in a checkpoint.
 */
export function checkpointText({ origin, size, root, extensions }: Checkpoint): string {
  const lines = [origin, size.toString(), encodeBase64(root), ...extensions]
  const text = lines.map((line) => `${line}\n`).join('')
  parseCheckpointText(text)
  return text
}

/** Reads the text of a checkpoint (the note without signatures). Throws `log.checkpoint-malformed`. */
export function parseCheckpointText(text: string): Checkpoint {
  if (!text.endsWith('\n')) throw logError('log.checkpoint-malformed', 'the checkpoint does not end with a line feed')
  const [origin = '', size = '', root = '', ...extensions] = text.slice(0, -1).split('\n')
  if (!/^[^\s+\p{Cc}]+$/u.test(origin)) throw logError('log.checkpoint-malformed', 'the origin is not a log name')
  if (!/^(0|[1-9]\d{0,18})$/.test(size) || BigInt(size) >= TREE_SIZE_LIMIT) {
    throw logError('log.checkpoint-malformed', 'the tree size is not a decimal number below 2^63')
  }
  if (extensions.some((line) => line.length === 0 || !/^[^\p{Cc}]+$/u.test(line))) {
    throw logError('log.checkpoint-malformed', 'an extension line is empty or has control characters')
  }
  const checkpoint = { origin, size: BigInt(size), root: decodeRoot(root), extensions }
  if (checkpoint.size === 0n && !equalBytes(checkpoint.root, EMPTY_ROOT)) {
    throw logError('log.checkpoint-malformed', 'the root of an empty tree is not the hash of nothing')
  }
  return checkpoint
}

/**
 * Verifies a checkpoint: the note is well formed, signed by `key`, and its origin is the name of that key.
 * C2SP tlog-checkpoint; a key of type 5 signs the tree head of RFC 6962, 3.5 instead of the text (static-ct-api).
 * Trusts `key` as the log's key. Does not look at cosignatures, and does not say that this is the newest checkpoint.
 * Throws `log.note-malformed`, `log.note-unsigned`, `log.note-signature-wrong`, `log.checkpoint-malformed`,
 * `log.origin-wrong`, and `log.key-unsupported` for the key of a cosigner.
 */
export function openCheckpoint(note: string, key: NoteKey): VerifiedCheckpoint {
  const signed = parseNote(note)
  const checkpoint = parseCheckpointText(signed.text)
  // Before the signature, so that a checkpoint of another log is named as such and not as a forgery.
  if (checkpoint.origin !== key.name) {
    throw logError('log.origin-wrong', `the checkpoint is of another log than ${key.name}`)
  }
  if (key.type !== 0x05) {
    verifyNote(signed, key)
    return { ...checkpoint, note }
  }
  return { ...checkpoint, note, treeHeadTimeMs: openTreeHead(signed, checkpoint, key) }
}

function openTreeHead(signed: SignedNote, checkpoint: Checkpoint, key: NoteKey): bigint {
  if (checkpoint.extensions.length > 0) {
    throw logError('log.checkpoint-malformed', 'a checkpoint with an RFC 6962 signature has no extensions')
  }
  verifyLines(signed, key, (line) => verifyTreeHead(line.signature, checkpoint, key.key))
  const line = signed.signatures.find((signature) => isSignedBy(signature, key))
  if (line === undefined) throw logError('log.note-unsigned', `no signature by ${key.name}`)
  return treeHeadTimeMs(line.signature)
}

function decodeRoot(text: string): Hash {
  let root: Uint8Array
  try {
    root = decodeBase64(text, 'root hash')
  } catch (cause) {
    throw logError('log.checkpoint-malformed', 'the root hash is not base64', { cause })
  }
  if (root.length !== HASH_BYTES) throw logError('log.checkpoint-malformed', 'the root hash is not 32 bytes')
  return root
}
