import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { decodeBase64, encodeBase64, equalBytes } from '../json/base64.ts'
import { logError } from './errors.ts'
import { type Hash, sha256 } from './merkle.ts'

/** One signature line of a note. `keyHash` is the 32-bit key id, big-endian on the line. */
export interface NoteSignature {
  readonly name: string
  readonly keyHash: number
  readonly signature: Uint8Array
}

/** A parsed note. Nothing is verified. `text` includes its final line feed and excludes the blank line. */
export interface SignedNote {
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/**
 * Algorithm byte of a note key. 1: Ed25519. 2: ECDSA with SHA-256. 4: Ed25519 cosignature. 5: RFC 6962 tree head.
 * 6: ML-DSA-44 cosignature. C2SP signed-note, tlog-cosignature, static-ct-api.
 */
export type NoteKeyType = 0x01 | 0x02 | 0x04 | 0x05 | 0x06

/** A key that signs notes. */
export interface NoteKey {
  /** Non-empty, no spaces, no `+`. For a log's own key equal to the origin. */
  readonly name: string
  readonly type: NoteKeyType
  /** Types 1 and 4: 32 bytes. Type 6: 1312 bytes. Types 2 and 5: DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  /** First four bytes of `logId`, except type 5, whose id covers the name as well. */
  readonly keyHash: number
  readonly key: KeyObject
}

const MAX_NOTE_CHARACTERS = 1024 * 1024
const MAX_SIGNATURES = 100
const MAX_NAME_CHARACTERS = 255
const SPKI_PREFIX = {
  // AlgorithmIdentifier and BIT STRING header that turn a raw key into a SubjectPublicKeyInfo (RFC 8410, RFC 9881).
  ed25519: Uint8Array.fromHex('302a300506032b6570032100'),
  mlDsa44: Uint8Array.fromHex('30820532300b06096086480165030403110382052100'),
}
const RAW_KEY_BYTES = { ed25519: 32, mlDsa44: 1312 }

/**
 * Reads a signed note without verifying it. C2SP signed-note: UTF-8 text without control characters but the line feed,
 * a blank line, then 1 to 100 signature lines; the text ends at the last blank line. At most 1,048,576 characters.
 * Throws `log.note-malformed`.
 */
export function parseNote(note: string): SignedNote {
  if (note.length > MAX_NOTE_CHARACTERS) throw logError('log.note-malformed', 'the note is too long')
  if (!note.isWellFormed() || hasControlCharacter(note)) {
    throw logError('log.note-malformed', 'the note has characters that a note may not have')
  }
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n')) throw logError('log.note-malformed', 'the note has no signature block')
  const lines = note.slice(split + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) throw logError('log.note-malformed', 'the note has more than 100 signatures')
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignatureLine) }
}

/**
 * Writes a signed note: the text, a blank line, one line per signature. Throws `log.note-malformed` if the text does not
 * end with a line feed or the result would not read back, so that no unreadable note can be published.
 */
export function formatNote(text: string, signatures: readonly NoteSignature[]): string {
  const note = `${text}\n${signatures.map(formatSignatureLine).join('')}`
  if (parseNote(note).text !== text) throw logError('log.note-malformed', 'the text of the note is not a note text')
  return note
}

/** One signature line with its final line feed: `— <name> <base64(key id ‖ signature)>`. C2SP signed-note. */
export function formatSignatureLine({ name, keyHash, signature }: NoteSignature): string {
  const body = new Uint8Array(4 + signature.length)
  new DataView(body.buffer).setUint32(0, keyHash)
  body.set(signature, 4)
  return `— ${name} ${encodeBase64(body)}\n`
}

/**
 * Makes a note key from its raw public key (types 1 and 4: 32 bytes, type 6: 1312 bytes) or its SubjectPublicKeyInfo
 * (all types), and computes its key id. Throws `log.key-malformed` if name or key do not fit the type.
 */
export function noteKey(name: string, type: NoteKeyType, publicKey: Uint8Array): NoteKey {
  if (!isKeyName(name)) throw logError('log.key-malformed', 'a key name has no spaces, no "+" and is not empty')
  const spki = spkiOf(type, publicKey)
  const key = openKey(spki)
  if (!fitsType(key, type))
    throw logError('log.key-malformed', 'the public key is of another algorithm than the note key')
  const material = type === 0x02 || type === 0x05 ? spki : spki.subarray(prefixOf(type).length)
  return { name, type, publicKey: material, keyHash: keyHashOf(name, type, material), key }
}

/**
 * Reads `<name>+<8 hex digits of the key id>+<base64(type ‖ key)>`. C2SP signed-note; type 5 carries the SPKI.
 * Throws `log.key-malformed`, also if the id is not the id of this key, and `log.key-unsupported` for other types.
 */
export function parseVkey(vkey: string): NoteKey {
  const match = vkey.length <= 4096 ? /^(?<name>[^+]+)\+(?<id>[0-9a-f]{8})\+(?<key>.+)$/s.exec(vkey) : null
  if (match?.groups === undefined) throw logError('log.key-malformed', 'a note key reads name+id+key')
  const { name = '', id = '', key = '' } = match.groups
  const bytes = decodeOrRefuse(key, 'log.key-malformed')
  const type = bytes[0]
  if (!isNoteKeyType(type)) throw logError('log.key-unsupported', `note key type ${type} is not supported`)
  const parsed = noteKey(name, type, bytes.subarray(1))
  if (formatVkey(parsed) !== vkey) throw logError('log.key-malformed', `key id ${id} does not belong to this key`)
  return parsed
}

/** Writes a note key as `<name>+<8 hex digits of the key id>+<base64(type ‖ key)>`. C2SP signed-note. */
export function formatVkey({ name, type, publicKey, keyHash }: NoteKey): string {
  return `${name}+${keyHash.toString(16).padStart(8, '0')}+${encodeBase64(Uint8Array.of(type, ...publicKey))}`
}

/**
 * The 32-byte log id. Types 1, 4 and 6: SHA-256(name ‖ LF ‖ type ‖ key), whose first four bytes are the key id.
 * Types 2 and 5: SHA-256 of the SPKI, as Rekor's trusted roots and RFC 6962, 3.2 have it.
 */
export function logId({ name, type, publicKey }: Pick<NoteKey, 'name' | 'type' | 'publicKey'>): Hash {
  return type === 0x02 || type === 0x05 ? sha256(publicKey) : namedHash(name, type, publicKey)
}

/** True if `line` claims to be by `key`: same name and same key id. Says nothing about the signature. */
export function isSignedBy(line: NoteSignature, key: NoteKey): boolean {
  return line.keyHash === key.keyHash && line.name === key.name
}

/**
 * Verifies that `key` (type 1 or 2) signed the note: every line that claims to be by this key verifies, and there is one.
 * Lines of unknown keys are ignored. C2SP signed-note. Throws `log.note-unsigned`, `log.note-signature-wrong`, and
 * `log.key-unsupported` for keys that sign something else than the text (see `openCheckpoint`, `verifyCosignatures`).
 */
export function verifyNote(note: SignedNote, key: NoteKey): void {
  if (key.type !== 0x01 && key.type !== 0x02) {
    throw logError('log.key-unsupported', 'this type of key does not sign the plain text of a note')
  }
  verifyLines(note, key, (line) => verifyText(key, note.text, line.signature))
}

/** Applies the rule of `verifyNote` with the check of another key type. Throws the same codes. */
export function verifyLines(note: SignedNote, key: NoteKey, isValid: (line: NoteSignature) => boolean): void {
  const lines = note.signatures.filter((line) => isSignedBy(line, key))
  if (lines.length === 0) throw logError('log.note-unsigned', `no signature by ${key.name}`)
  if (!lines.every(isValid)) throw logError('log.note-signature-wrong', `a signature by ${key.name} does not verify`)
}

function verifyText(key: NoteKey, text: string, signature: Uint8Array): boolean {
  return verify(key.type === 0x02 ? 'sha256' : null, Buffer.from(text), key.key, signature)
}

function parseSignatureLine(line: string): NoteSignature {
  const match = /^— (?<name>[^ ]+) (?<body>[A-Za-z0-9+/=]+)$/.exec(line)
  if (match?.groups === undefined) throw logError('log.note-malformed', 'a signature line is not "— name base64"')
  const { name = '', body = '' } = match.groups
  if (!isKeyName(name)) throw logError('log.note-malformed', 'a signature line names an impossible key')
  const bytes = decodeOrRefuse(body, 'log.note-malformed')
  if (bytes.length < 5) throw logError('log.note-malformed', 'a signature line holds no signature')
  const keyHash = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  return { name, keyHash, signature: bytes.subarray(4) }
}

function decodeOrRefuse(text: string, code: 'log.note-malformed' | 'log.key-malformed'): Uint8Array {
  try {
    return decodeBase64(text, 'signed note')
  } catch (cause) {
    throw logError(code, 'the base64 is not canonical', { cause })
  }
}

function keyHashOf(name: string, type: NoteKeyType, publicKey: Uint8Array): number {
  // Type 5 hashes the RFC 6962 log id in place of the key. Static-ct-api, "checkpoints".
  const id = type === 0x05 ? namedHash(name, type, sha256(publicKey)) : logId({ name, type, publicKey })
  return new DataView(id.buffer, id.byteOffset).getUint32(0)
}

function namedHash(name: string, type: number, material: Uint8Array): Hash {
  return sha256(Buffer.concat([Buffer.from(`${name}\n`), Uint8Array.of(type), material]))
}

function isNoteKeyType(type: number | undefined): type is NoteKeyType {
  return type === 0x01 || type === 0x02 || type === 0x04 || type === 0x05 || type === 0x06
}

function prefixOf(type: NoteKeyType): Uint8Array {
  return type === 0x06 ? SPKI_PREFIX.mlDsa44 : SPKI_PREFIX.ed25519
}

function spkiOf(type: NoteKeyType, publicKey: Uint8Array): Uint8Array {
  if (type === 0x02 || type === 0x05) return publicKey
  const rawBytes = type === 0x06 ? RAW_KEY_BYTES.mlDsa44 : RAW_KEY_BYTES.ed25519
  const prefix = prefixOf(type)
  if (publicKey.length === rawBytes) return new Uint8Array([...prefix, ...publicKey])
  if (publicKey.length === prefix.length + rawBytes && equalBytes(publicKey.subarray(0, prefix.length), prefix)) {
    return publicKey
  }
  throw logError('log.key-malformed', 'the public key has the wrong length for its type')
}

function openKey(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch (cause) {
    throw logError('log.key-malformed', 'the public key cannot be read', { cause })
  }
}

function fitsType(key: KeyObject, type: NoteKeyType): boolean {
  // The key types of type 5 are those of RFC 6962, 2.1.4.
  if (type === 0x05) return key.asymmetricKeyType === 'ec' || key.asymmetricKeyType === 'rsa'
  if (type === 0x02) return key.asymmetricKeyType === 'ec'
  return (key.asymmetricKeyType as string) === (type === 0x06 ? 'ml-dsa-44' : 'ed25519')
}

function isKeyName(name: string): boolean {
  return name.length > 0 && name.length <= MAX_NAME_CHARACTERS && name.isWellFormed() && !/[\s+\p{Cc}]/u.test(name)
}

function hasControlCharacter(text: string): boolean {
  return /[^\P{Cc}\n]/u.test(text)
}
