import { type KeyObject, verify } from 'node:crypto'
import { concatBytes } from '../json/base64.ts'
import { logError } from './errors.ts'
import { HASH_BYTES, type Hash } from './merkle.ts'
import { TILE_WIDTH } from './tiles.ts'

const HASH_SHA256 = 4
const SIGNATURE_RSA = 1
const SIGNATURE_ECDSA = 3
const HEADER_BYTES = 12
const TIME_LIMIT_MS = 2n ** 63n

/** What a CT log signs for a checkpoint. `root` is 32 bytes. */
export interface TreeHead {
  readonly size: bigint
  readonly root: Hash
}

/**
 * The bytes that a CT log signs for a tree head: version 0, signature type 1, u64 time in milliseconds since 1970, u64
 * size, root. RFC 6962, 3.5. The origin is not covered. Throws `log.range-wrong` for impossible values.
 */
export function treeHeadInput(timestampMs: bigint, size: bigint, root: Hash): Uint8Array {
  if (
    timestampMs < 0n ||
    timestampMs >= TIME_LIMIT_MS ||
    size < 0n ||
    size >= TIME_LIMIT_MS ||
    root.length !== HASH_BYTES
  ) {
    throw logError('log.range-wrong', 'a tree head has a time and a size below 2^63 and a root of 32 bytes')
  }
  const input = new Uint8Array(2 + 8 + 8 + HASH_BYTES)
  const view = new DataView(input.buffer)
  input[1] = 1
  view.setBigUint64(2, timestampMs)
  view.setBigUint64(10, size)
  input.set(root, 18)
  return input
}

/**
 * Body of a note signature of type 5: u64 time ‖ hash 4 (SHA-256) ‖ signature 3 (ECDSA) or 1 (RSA) ‖ u16-prefixed
 * signature over `treeHeadInput`. Static-ct-api. `signature` is DER for ECDSA. Throws `log.range-wrong` above 65,535 bytes.
 */
export function encodeTreeHeadSignature(
  timestampMs: bigint,
  signature: Uint8Array,
  algorithm: 'ecdsa' | 'rsa' = 'ecdsa',
): Uint8Array {
  if (signature.length === 0 || signature.length > 0xffff)
    throw logError('log.range-wrong', 'an impossible signature length')
  const body = new Uint8Array(HEADER_BYTES + signature.length)
  const view = new DataView(body.buffer)
  view.setBigUint64(0, timestampMs)
  view.setUint8(8, HASH_SHA256)
  view.setUint8(9, algorithm === 'ecdsa' ? SIGNATURE_ECDSA : SIGNATURE_RSA)
  view.setUint16(10, signature.length)
  body.set(signature, HEADER_BYTES)
  return body
}

/** True if `body` is a note signature of type 5 by `key` over the tree head with the time that it carries. Never throws. */
export function verifyTreeHead(body: Uint8Array, head: TreeHead, key: KeyObject): boolean {
  if (body.length <= HEADER_BYTES) return false
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  const expected = key.asymmetricKeyType === 'rsa' ? SIGNATURE_RSA : SIGNATURE_ECDSA
  if (view.getUint8(8) !== HASH_SHA256 || view.getUint8(9) !== expected) return false
  if (view.getUint16(10) !== body.length - HEADER_BYTES || view.getBigUint64(0) >= TIME_LIMIT_MS) return false
  return verify('sha256', treeHeadInput(view.getBigUint64(0), head.size, head.root), key, body.subarray(HEADER_BYTES))
}

/** Time in milliseconds since 1970 that a verified note signature of type 5 carries. */
export function treeHeadTimeMs(body: Uint8Array): bigint {
  return new DataView(body.buffer, body.byteOffset, body.length).getBigUint64(0)
}

const ENTRY_TYPE_CERTIFICATE = 0
const ENTRY_TYPE_PRECERTIFICATE = 1
const MAX_UINT24 = 0xffffff

/** An entry of a certificate log. RFC 6962, 3.1 and 3.4. */
export interface CtEntry {
  /** Milliseconds since 1970, as in the SCT. */
  readonly timestampMs: bigint
  /** The certificate (DER); for a precertificate its TBSCertificate without poison and SCTs. */
  readonly certificate: Uint8Array
  readonly precertificate?: {
    /** SHA-256 of the issuer's SubjectPublicKeyInfo. */
    readonly issuerKeyHash: Hash
    /** The precertificate as submitted (DER, with poison). */
    readonly submitted: Uint8Array
  }
  /** CtExtensions of the SCT: the leaf index of static-ct-api. */
  readonly extensions: Uint8Array
  /** SHA-256 of each certificate of the chain above the entry, its issuer first. */
  readonly chainFingerprints: readonly Hash[]
}

/**
 * The bytes that are hashed with `leafHash`: RFC 6962, 3.4. For both types equal to what the SCT's signature is over.
 * Throws `log.range-wrong` where a part does not fit its length.
 */
export function merkleTreeLeaf(entry: Omit<CtEntry, 'chainFingerprints'>): Uint8Array {
  // Version 0, leaf type 0 (timestamped entry).
  return concatBytes(Uint8Array.of(0, 0), timestampedEntry(entry))
}

/**
 * The bytes of one entry in a data tile (static-ct-api): the timestamped entry, for a precertificate what was
 * submitted, and the fingerprints of the chain. Throws `log.range-wrong` where a part does not fit its length.
 */
export function tileLeaf(entry: CtEntry): Uint8Array {
  return concatBytes(
    timestampedEntry(entry),
    ...(entry.precertificate === undefined ? [] : [prefixed24(entry.precertificate.submitted)]),
    prefixed16(concatBytes(...entry.chainFingerprints)),
  )
}

/** Writes a data tile: 1 to 256 leaves of `tileLeaf`, one after the other. Throws `log.range-wrong` for another number. */
export function encodeDataTile(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length < 1 || leaves.length > TILE_WIDTH)
    throw logError('log.range-wrong', 'a data tile has 1 to 256 entries')
  return concatBytes(...leaves)
}

/**
 * Reads a data tile (not compressed): at most `maxEntries` entries, whose parts are views into `bytes`. Static-ct-api.
 * Does not check the entries against the log: hash `merkleTreeLeaf` and compare. Throws `log.entry-bundle-wrong`.
 */
export function decodeDataTile(bytes: Uint8Array, { maxEntries }: { maxEntries: number }): CtEntry[] {
  const entries: CtEntry[] = []
  const cursor = { bytes, at: 0 }
  while (cursor.at < bytes.length) {
    if (entries.length === maxEntries) throw logError('log.entry-bundle-wrong', `more than ${maxEntries} entries`)
    entries.push(takeEntry(cursor))
  }
  return entries
}

function timestampedEntry({
  timestampMs,
  certificate,
  precertificate,
  extensions,
}: Omit<CtEntry, 'chainFingerprints'>) {
  if (timestampMs < 0n || timestampMs >= TIME_LIMIT_MS) throw logError('log.range-wrong', 'an impossible time')
  const head = new Uint8Array(8 + 2)
  const view = new DataView(head.buffer)
  view.setBigUint64(0, timestampMs)
  view.setUint16(8, precertificate === undefined ? ENTRY_TYPE_CERTIFICATE : ENTRY_TYPE_PRECERTIFICATE)
  if (precertificate !== undefined && precertificate.issuerKeyHash.length !== HASH_BYTES) {
    throw logError('log.range-wrong', 'an issuer key hash has 32 bytes')
  }
  return concatBytes(
    head,
    ...(precertificate === undefined ? [] : [precertificate.issuerKeyHash]),
    prefixed24(certificate),
    prefixed16(extensions),
  )
}

interface Cursor {
  readonly bytes: Uint8Array
  at: number
}

function takeEntry(cursor: Cursor): CtEntry {
  const head = take(cursor, 10)
  const view = new DataView(head.buffer, head.byteOffset, head.length)
  const type = view.getUint16(8)
  if (type > ENTRY_TYPE_PRECERTIFICATE) throw logError('log.entry-bundle-wrong', `unknown entry type ${type}`)
  const issuerKeyHash = type === ENTRY_TYPE_PRECERTIFICATE ? take(cursor, HASH_BYTES) : undefined
  const certificate = takePrefixed(cursor, 3)
  const extensions = takePrefixed(cursor, 2)
  const precertificate =
    issuerKeyHash === undefined ? {} : { precertificate: { issuerKeyHash, submitted: takePrefixed(cursor, 3) } }
  const fingerprints = takePrefixed(cursor, 2)
  if (fingerprints.length % HASH_BYTES !== 0) throw logError('log.entry-bundle-wrong', 'a fingerprint is not 32 bytes')
  const chainFingerprints = Array.from({ length: fingerprints.length / HASH_BYTES }, (_, at) =>
    fingerprints.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  )
  return { timestampMs: view.getBigUint64(0), certificate, ...precertificate, extensions, chainFingerprints }
}

function takePrefixed(cursor: Cursor, lengthBytes: 2 | 3): Uint8Array {
  const length = take(cursor, lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0)
  return take(cursor, length)
}

function take(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.at + length
  if (end > cursor.bytes.length) throw logError('log.entry-bundle-wrong', 'the data tile ends within an entry')
  const taken = cursor.bytes.subarray(cursor.at, end)
  cursor.at = end
  return taken
}

function prefixed16(bytes: Uint8Array): Uint8Array {
  if (bytes.length > 0xffff) throw logError('log.range-wrong', 'a part of a leaf is longer than 65,535 bytes')
  return concatBytes(Uint8Array.of(bytes.length >> 8, bytes.length), bytes)
}

function prefixed24(bytes: Uint8Array): Uint8Array {
  if (bytes.length > MAX_UINT24) throw logError('log.range-wrong', 'a certificate is longer than 16,777,215 bytes')
  return concatBytes(Uint8Array.of(bytes.length >> 16, bytes.length >> 8, bytes.length), bytes)
}
