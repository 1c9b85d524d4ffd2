import type { JsonValue } from '../json/canonicalJson.ts'
import { parseJson } from '../json/parseJson.ts'
import { digestBytes, HASH_ALGORITHMS, type HashName, hashNameOf } from '../log/keyDetails.ts'
import { protoReader } from '../log/protoJson.ts'
import { parseTransparencyLogEntry, type TransparencyLogEntry } from '../log/transparencyLogEntry.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { bundleError } from './errors.ts'

/** The media type that is written. Sigstore bundle v0.3. */
export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/** Largest bundle that is read, in bytes. A bundle has about 10 KB; signed statements may be large. */
export const MAX_BUNDLE_BYTES = 16 * 1024 * 1024

/** A signature over the digest of an artifact. */
export interface MessageSignature {
  readonly kind: 'message'
  readonly hashName: HashName
  /** What the bundle says the artifact's digest is. */
  readonly digest: Uint8Array
  readonly signature: Uint8Array
}

/** A signature over a statement about artifacts: DSSE v1. */
export interface SignedStatement {
  readonly kind: 'statement'
  readonly payloadType: string
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/** A bundle that was read and not verified: nothing in it may be believed. */
export interface UnverifiedBundle {
  readonly certificate: Certificate
  readonly content: MessageSignature | SignedStatement
  readonly entries: readonly TransparencyLogEntry[]
  /** RFC 3161 responses over the signature, DER. */
  readonly timestamps: readonly Uint8Array[]
}

const MEDIA_TYPES = [BUNDLE_MEDIA_TYPE, 'application/vnd.dev.sigstore.bundle+json;version=0.3']
// Each costs a verification, and a stranger decides how many there are.
const MAX_ENTRIES = 8
const MAX_TIMESTAMPS = 8
const read = protoReader((message, cause) => bundleError('bundle.malformed', message, { cause }))

/**
 * Reads a Sigstore bundle v0.3 strictly: one certificate, one message signature or one DSSE envelope with exactly one
 * signature, at most 8 log entries and 8 timestamps, no unknown field. At most 16 MiB. Verify with `verifyBundle`.
 * Throws `bundle.malformed`, `bundle.media-type`, `bundle.no-certificate`, `log.entry-malformed`, the `json.*` codes of
 * `parseJson` and the `x509.*` codes of `parseCertificate`.
 */
export function parseBundle(bytes: Uint8Array | string): UnverifiedBundle {
  const json = parseJson(bytes, { maxBytes: MAX_BUNDLE_BYTES, maxDepth: 16 })
  const names = ['mediaType', 'verificationMaterial', 'messageSignature', 'dsseEnvelope'] as const
  const fields = read.message(json, 'the bundle', names)
  if (!MEDIA_TYPES.includes(read.text(fields.mediaType, 'mediaType'))) {
    throw bundleError('bundle.media-type', 'the media type is not that of bundle v0.3')
  }
  return {
    ...parseMaterial(fields.verificationMaterial),
    content: parseContent(fields.messageSignature, fields.dsseEnvelope),
  }
}

function parseMaterial(json: JsonValue | undefined): Omit<UnverifiedBundle, 'content'> {
  const names = [
    'certificate',
    'publicKey',
    'x509CertificateChain',
    'tlogEntries',
    'timestampVerificationData',
  ] as const
  const fields = read.message(json, 'verificationMaterial', names)
  if (fields.certificate === undefined || fields.publicKey !== undefined || fields.x509CertificateChain !== undefined) {
    throw bundleError('bundle.no-certificate', 'the verification material is not one certificate')
  }
  const { rawBytes } = read.message(fields.certificate, 'certificate', ['rawBytes'])
  return {
    certificate: parseCertificate(read.bytes(rawBytes, 'certificate')),
    entries: read.list(fields.tlogEntries, 'tlogEntries', MAX_ENTRIES).map(parseTransparencyLogEntry),
    timestamps: parseTimestamps(fields.timestampVerificationData),
  }
}

function parseTimestamps(json: JsonValue | undefined): Uint8Array[] {
  const { rfc3161Timestamps } = read.message(json ?? {}, 'timestampVerificationData', ['rfc3161Timestamps'])
  return read.list(rfc3161Timestamps, 'rfc3161Timestamps', MAX_TIMESTAMPS).map((timestamp) => {
    const { signedTimestamp } = read.message(timestamp, 'timestamp', ['signedTimestamp'])
    return nonEmpty(read.bytes(signedTimestamp, 'signedTimestamp'), 'signedTimestamp')
  })
}

function parseContent(message: JsonValue | undefined, envelope: JsonValue | undefined): UnverifiedBundle['content'] {
  if ((message === undefined) === (envelope === undefined)) {
    throw bundleError('bundle.malformed', 'the bundle holds exactly one of messageSignature, dsseEnvelope')
  }
  return envelope === undefined ? parseMessageSignature(message) : parseEnvelope(envelope)
}

function parseMessageSignature(json: JsonValue | undefined): MessageSignature {
  const fields = read.message(json, 'messageSignature', ['messageDigest', 'signature'])
  const { algorithm, digest } = read.message(fields.messageDigest, 'messageDigest', ['algorithm', 'digest'])
  const hashName = hashNameOf(read.enumName(algorithm, 'algorithm', HASH_ALGORITHMS))
  const bytes = read.bytes(digest, 'digest')
  if (bytes.length !== digestBytes(hashName)) throw bundleError('bundle.malformed', `the digest is not of ${hashName}`)
  const signature = nonEmpty(read.bytes(fields.signature, 'signature'), 'signature')
  return { kind: 'message', hashName, digest: bytes, signature }
}

function parseEnvelope(json: JsonValue): SignedStatement {
  const fields = read.message(json, 'dsseEnvelope', ['payload', 'payloadType', 'signatures'])
  const [first, ...others] = read.list(fields.signatures, 'signatures', MAX_ENTRIES)
  if (first === undefined || others.length > 0) {
    throw bundleError('bundle.malformed', 'the envelope does not hold exactly one signature')
  }
  const { sig } = read.message(first, 'signature', ['sig', 'keyid'])
  return {
    kind: 'statement',
    payloadType: read.text(fields.payloadType, 'payloadType'),
    payload: read.bytes(fields.payload, 'payload'),
    signature: nonEmpty(read.bytes(sig, 'sig'), 'sig'),
  }
}

function nonEmpty(bytes: Uint8Array, what: string): Uint8Array {
  if (bytes.length === 0) throw bundleError('bundle.malformed', `${what} is missing`)
  return bytes
}
