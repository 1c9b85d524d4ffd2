import { hash, type KeyObject } from 'node:crypto'
import { octets, oidValue } from '../der/derValues.ts'
import { type DerNode, readDer } from '../der/readDer.ts'
import { translateDerErrors } from '../der/translateDerErrors.ts'
import { explicit, nullValue, octetString, sequence } from '../der/writeDer.ts'
import type { CodedError } from '../errors/codedError.ts'
import { concatBytes, equalBytes } from '../json/base64.ts'
import type { Certificate } from './certificate.ts'
import { malformedCertificate, x509Error } from './errors.ts'
import type { Extension } from './extensions.ts'
import { EXTENSION_OIDS } from './oids.ts'
import { importPublicKey, isSignedBy } from './signatureAlgorithm.ts'

/** A signed certificate timestamp: a log's promise to hold a certificate (RFC 6962, 3.2). */
export interface Sct {
  /** 0, the only version. */
  readonly version: 0
  /** SHA-256 of the log's SubjectPublicKeyInfo, 32 bytes. */
  readonly logId: Uint8Array
  /** Milliseconds since 1970. */
  readonly timestampMs: bigint
  /** CtExtensions without the length; a static log puts the leaf index here (`leafIndexExtension`). */
  readonly extensions: Uint8Array
  /** ECDSA with SHA-256, in DER. */
  readonly signature: Uint8Array
}

// DigitallySigned: hash sha256 (4), signature ecdsa (3); RFC 5246, 7.4.1.4.1.
const HASH_SHA256 = 4
const SIGNATURE_ECDSA = 3

/** The critical extension that keeps a precertificate from being used as a certificate (RFC 6962, 3.1). */
export function poisonExtension(): Extension {
  return { oid: EXTENSION_OIDS.precertificatePoison, critical: true, value: nullValue() }
}

/** The extension that carries SCTs in a certificate (RFC 6962, 3.3): a TLS list inside an OCTET STRING. */
export function sctListExtension(scts: readonly Sct[]): Extension {
  const list = concatBytes(...scts.map((sct) => prefixed(writeSct(sct))))
  return { oid: EXTENSION_OIDS.sctList, critical: false, value: octetString(prefixed(list)) }
}

/** One SCT in its TLS form (RFC 6962, 3.2). Throws `x509.unwritable` where a part has the wrong size. */
export function writeSct(sct: Sct): Uint8Array {
  if (sct.logId.length !== 32) throw x509Error('x509.unwritable', 'a log id has 32 bytes')
  const head = new Uint8Array(1 + 32 + 8)
  head.set(sct.logId, 1)
  new DataView(head.buffer).setBigUint64(33, sct.timestampMs)
  const signature = prefixed(sct.signature)
  return concatBytes(head, prefixed(sct.extensions), Uint8Array.of(HASH_SHA256, SIGNATURE_ECDSA), signature)
}

/** `bytes` behind their length in two bytes. */
function prefixed(bytes: Uint8Array): Uint8Array {
  if (bytes.length > 0xffff) throw x509Error('x509.unwritable', 'a part of an SCT is longer than 65,535 bytes')
  return concatBytes(Uint8Array.of(bytes.length >> 8, bytes.length), bytes)
}

/** Reads one SCT that fills `bytes`. Throws `x509.sct-malformed`. */
export function parseSct(bytes: Uint8Array): Sct {
  const [extensions, algorithmAt] = takePrefixed(bytes, 41)
  const [signature, end] = takePrefixed(bytes, algorithmAt + 2)
  if (end !== bytes.length) throw x509Error('x509.sct-malformed', 'bytes follow the SCT')
  if (bytes[0] !== 0) throw x509Error('x509.sct-malformed', 'the SCT is of another version')
  if (bytes[algorithmAt] !== HASH_SHA256 || bytes[algorithmAt + 1] !== SIGNATURE_ECDSA) {
    throw x509Error('x509.sct-malformed', 'the SCT is not signed with ECDSA and SHA-256')
  }
  const timestampMs = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(33)
  return { version: 0, logId: bytes.subarray(1, 33), timestampMs, extensions, signature }
}

/** The bytes behind a length in two bytes at `at`, and where they end. */
function takePrefixed(bytes: Uint8Array, at: number): [Uint8Array, number] {
  const start = at + 2
  const end = start + (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0))
  if (start > bytes.length || end > bytes.length) throw x509Error('x509.sct-malformed', 'the SCT ends early')
  return [bytes.subarray(start, end), end]
}

const MAX_SCTS = 16

/**
 * The SCTs in a certificate, at least one and at most 16. Throws `x509.sct-missing` without the extension,
 * `x509.sct-malformed`.
 */
export function readScts(certificate: Pick<Certificate, 'extensions'>): Sct[] {
  const extension = certificate.extensions.find(({ oid }) => oid === EXTENSION_OIDS.sctList)
  if (extension === undefined) throw x509Error('x509.sct-missing', 'the certificate carries no SCT')
  const value = translateDerErrors(malformedSct, () => octets(readDer(extension.value), 'the list of SCTs'))
  const [list, end] = takePrefixed(value, 0)
  if (end !== value.length) throw x509Error('x509.sct-malformed', 'bytes follow the list of SCTs')
  const scts: Sct[] = []
  for (let at = 0; at < list.length; ) {
    const [sct, next] = takePrefixed(list, at)
    scts.push(parseSct(sct))
    at = next
  }
  if (scts.length === 0 || scts.length > MAX_SCTS) throw x509Error('x509.sct-malformed', 'no SCT, or too many')
  return scts
}

function malformedSct(cause: CodedError): CodedError {
  return x509Error('x509.sct-malformed', `the list of SCTs is malformed: ${cause.message}`, { cause })
}

/**
 * `tbs` (TBSCertificate) without the SCT list and the poison: what a log signs and both a precertificate and its
 * certificate reduce to (RFC 6962, 3.2). All other bytes stay as they are. Throws `x509.malformed`.
 */
export function tbsWithoutScts(tbs: Uint8Array): Uint8Array {
  return translateDerErrors(malformedCertificate, () => rewriteWithoutScts(tbs))
}

function rewriteWithoutScts(tbs: Uint8Array): Uint8Array {
  const fields = readDer(tbs).children.map((field) => (field.tag === 0xa3 ? withoutScts(field) : field.raw))
  return sequence(...fields)
}

function withoutScts(field: DerNode): Uint8Array {
  const kept = (field.children[0]?.children ?? []).filter((extension) => {
    const type = oidValue(extension.children[0], 'an extension type')
    return type !== EXTENSION_OIDS.sctList && type !== EXTENSION_OIDS.precertificatePoison
  })
  return explicit(3, sequence(...kept.map(({ raw }) => raw)))
}

/**
 * What a log signs for a precertificate (RFC 6962, 3.2), which is also its MerkleTreeLeaf. `tbs` is without poison
 * and SCTs, `issuerKeyHash` the SHA-256 of the issuer's SubjectPublicKeyInfo.
 */
export function sctSignedInput(input: {
  timestampMs: bigint
  issuerKeyHash: Uint8Array
  tbs: Uint8Array
  extensions: Uint8Array
}): Uint8Array {
  const size = input.tbs.length
  // u8 version 0, u8 certificate_timestamp 0, u64 time, u16 precert_entry 1
  const head = new Uint8Array(12)
  new DataView(head.buffer).setBigUint64(2, input.timestampMs)
  head[11] = 1
  const length = Uint8Array.of(size >> 16, size >> 8, size)
  return concatBytes(head, input.issuerKeyHash, length, input.tbs, prefixed(input.extensions))
}

/** The log key that SCTs are checked with. Give `publicKey` where it is at hand; it saves reading `spki`. */
export interface SctLogKey {
  readonly spki: Uint8Array
  readonly publicKey?: KeyObject
}

/**
 * Proves that the log with `logKey` promised to hold `leaf` as issued by `issuer`. Says nothing about inclusion, nor
 * whether the log was trusted at that time: callers compare `sct.timestampMs` with the key's validity.
 * Throws `x509.sct-unknown-log`, `x509.sct-wrong`, `x509.key-unsupported`.
 */
export function verifySct(
  sct: Sct,
  leaf: Pick<Certificate, 'tbs'>,
  issuer: Pick<Certificate, 'spki'>,
  logKey: SctLogKey,
): void {
  if (!equalBytes(sct.logId, hash('sha256', logKey.spki, 'buffer'))) {
    throw x509Error('x509.sct-unknown-log', 'the SCT names another log')
  }
  const signed = sctSignedInput({
    timestampMs: sct.timestampMs,
    issuerKeyHash: hash('sha256', issuer.spki, 'buffer'),
    tbs: tbsWithoutScts(leaf.tbs),
    extensions: sct.extensions,
  })
  const key = logKey.publicKey ?? importPublicKey(logKey.spki)
  if (!isSignedBy(key, 'ecdsa-sha256', signed, sct.signature)) {
    throw x509Error('x509.sct-wrong', 'the signature of the SCT does not cover this certificate')
  }
}

const LEAF_INDEX_BYTES = 8
const MAX_LEAF_INDEX = (1n << 40n) - 1n

/** CtExtensions with the 0-based leaf index (static-ct-api): 00, length 5, 40-bit index. Throws `x509.unwritable`. */
export function leafIndexExtension(index: bigint): Uint8Array {
  if (index < 0n || index > MAX_LEAF_INDEX) throw x509Error('x509.unwritable', 'a leaf index has 40 bits')
  const bytes = new Uint8Array(LEAF_INDEX_BYTES)
  new DataView(bytes.buffer).setBigUint64(0, index)
  bytes.set([0, 0, 5])
  return bytes
}

/** The leaf index in CtExtensions that hold nothing else; undefined where they are empty. Throws `x509.sct-malformed`. */
export function readLeafIndex(extensions: Uint8Array): bigint | undefined {
  if (extensions.length === 0) return undefined
  const [type, high, low] = extensions
  if (extensions.length !== LEAF_INDEX_BYTES || type !== 0 || high !== 0 || low !== 5) {
    throw x509Error('x509.sct-malformed', 'the extensions of the SCT are not a leaf index')
  }
  return BigInt(`0x${extensions.subarray(3).toHex()}`)
}
