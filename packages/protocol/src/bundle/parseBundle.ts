import type { JsonValue } from '../json/canonicalJson.ts'
import { parseJson } from '../json/parseJson.ts'
import { digestBytes, HASH_ALGORITHMS, type HashName, hashNameOf } from '../log/keyDetails.ts'
import { type ProtoFields, protoReader } from '../log/protoJson.ts'
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

type BundleVersion = 'v0.2' | 'v0.3'
const VERSIONS: ReadonlyMap<string, BundleVersion> = new Map([
  [BUNDLE_MEDIA_TYPE, 'v0.3'],
  ['application/vnd.dev.sigstore.bundle+json;version=0.3', 'v0.3'],
  ['application/vnd.dev.sigstore.bundle+json;version=0.2', 'v0.2'],
])
const V01_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle+json;version=0.1'
// Each costs a verification, and a stranger decides how many there are.
const MAX_ENTRIES = 8
const MAX_TIMESTAMPS = 8
const MAX_CERTIFICATES = 8
const read = protoReader((message, cause) => bundleError('bundle.malformed', message, { cause }))

/**
 * Reads a Sigstore bundle v0.3 strictly: one certificate, one message signature or one DSSE envelope with exactly one
 * signature, at most 8 log entries and 8 timestamps, no unknown field. At most 16 MiB. Verify with `verifyBundle`.
 * Also v0.2, because @sigstore/sign 5 writes message signatures so: it differs in holding a chain of 1 to 8 certificates.
 * The first is the signer's; the others are dropped unread, because chains are built from what is trusted. v0.1 may hold
 * promises instead of proofs and is refused.
 * Throws `bundle.malformed`, `bundle.media-type`, `bundle.no-certificate`, `log.entry-malformed`, the `json.*` codes of
 * `parseJson` and the `x509.*` codes of `parseCertificate`.
 */
export function parseBundle(bytes: Uint8Array | string): UnverifiedBundle {
  const json = parseJson(bytes, { maxBytes: MAX_BUNDLE_BYTES, maxDepth: 16 })
  const names = ['mediaType', 'verificationMaterial', 'messageSignature', 'dsseEnvelope'] as const
  const fields = read.message(json, 'the bundle', names)
  const version = parseVersion(read.text(fields.mediaType, 'mediaType'))
  return {
    ...parseMaterial(fields.verificationMaterial, version),
    content: parseContent(fields.messageSignature, fields.dsseEnvelope),
  }
}

function parseVersion(mediaType: string): BundleVersion {
  const version = VERSIONS.get(mediaType)
  if (version !== undefined) return version
  const message =
    mediaType === V01_MEDIA_TYPE
      ? 'bundles v0.1 need not prove that they are in a log'
      : 'the media type is not that of bundle v0.3 or v0.2'
  throw bundleError('bundle.media-type', message)
}

function parseMaterial(json: JsonValue | undefined, version: BundleVersion): Omit<UnverifiedBundle, 'content'> {
  const names = [
    'certificate',
    'publicKey',
    'x509CertificateChain',
    'tlogEntries',
    'timestampVerificationData',
  ] as const
  const fields = read.message(json, 'verificationMaterial', names)
  return {
    certificate: parseCertificate(signerBytes(fields, version)),
    entries: read.list(fields.tlogEntries, 'tlogEntries', MAX_ENTRIES).map(parseTransparencyLogEntry),
    timestamps: parseTimestamps(fields.timestampVerificationData),
  }
}

type SignerField = 'certificate' | 'publicKey' | 'x509CertificateChain'

/** Exactly the field in which this version has the signer's certificate. */
function signerBytes(fields: ProtoFields<SignerField>, version: BundleVersion): Uint8Array {
  const { certificate, publicKey, x509CertificateChain: chain } = fields
  if (publicKey === undefined) {
    if (version === 'v0.3' && certificate !== undefined && chain === undefined) return certificateBytes(certificate)
    if (version === 'v0.2' && chain !== undefined && certificate === undefined) return firstOfChain(chain)
  }
  const form = version === 'v0.3' ? 'certificate' : 'certificate chain'
  throw bundleError('bundle.no-certificate', `the verification material of ${version} is not one ${form}`)
}

function certificateBytes(json: JsonValue): Uint8Array {
  return read.bytes(read.message(json, 'certificate', ['rawBytes']).rawBytes, 'certificate')
}

function firstOfChain(json: JsonValue): Uint8Array {
  const { certificates } = read.message(json, 'x509CertificateChain', ['certificates'])
  const [first] = read.list(certificates, 'certificates', MAX_CERTIFICATES).map(certificateBytes)
  if (first === undefined) throw bundleError('bundle.no-certificate', 'the certificate chain is empty')
  return first
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
