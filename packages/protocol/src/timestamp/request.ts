import { booleanValue, integerValue, octets, oidValue, partsOf, smallInteger } from '../der/derValues.ts'
import { type DerNode, readDer } from '../der/readDer.ts'
import { translateDerErrors } from '../der/translateDerErrors.ts'
import { boolean, integer, octetString, oid, sequence } from '../der/writeDer.ts'
import { CodedError } from '../errors/codedError.ts'
import { decodeBase64 } from '../json/base64.ts'
import type { JsonValue } from '../json/canonicalJson.ts'
import { parseJson } from '../json/parseJson.ts'
import { DIGEST_BYTES, type DigestAlgorithm, digestIdentifier, parseDigestIdentifier } from './digestAlgorithm.ts'
import { timestampError } from './errors.ts'

/** What a timestamp is asked for (RFC 3161, 2.4.1). */
export interface TimestampRequest {
  readonly hash: DigestAlgorithm
  /** Of what is stamped; as long as `hash` makes it. */
  readonly digest: Uint8Array
  /** Comes back in the timestamp. */
  readonly nonce?: bigint
  /** Whether the authority's certificates are to be put into the timestamp. */
  readonly certReq: boolean
  /** Object identifier of the policy that is demanded. */
  readonly policy?: string
  /** MessageImprint as the request holds it; the timestamp repeats these bytes. Made from the above where absent. */
  readonly imprint?: Uint8Array
}

const MAX_REQUEST_BYTES = 4096
const MAX_NONCE_BYTES = 64
const VERSION = integer(1)

/** TimeStampReq in DER (RFC 3161, 2.4.1). Throws `der.unwritable`. */
export function writeTimestampRequest(request: TimestampRequest): Uint8Array {
  const parts = [VERSION, messageImprint(request)]
  if (request.policy !== undefined) parts.push(oid(request.policy))
  if (request.nonce !== undefined) parts.push(integer(request.nonce))
  if (request.certReq) parts.push(boolean(true))
  return sequence(...parts)
}

/** MessageImprint: digest algorithm and digest. */
export function messageImprint({ imprint, hash, digest }: TimestampRequest): Uint8Array {
  return imprint ?? sequence(digestIdentifier(hash), octetString(digest))
}

/**
 * Reads a TimeStampReq in DER of at most 4 KiB. `timestampFailure` has the PKIFailureInfo for each code.
 * Throws `timestamp.bad-request`, `timestamp.bad-algorithm`, `timestamp.bad-digest`, `timestamp.unaccepted-extension`.
 */
export function parseTimestampRequest(der: Uint8Array): TimestampRequest {
  return translateDerErrors(badRequest, () => readRequest(der))
}

function badRequest(cause: CodedError): CodedError {
  return timestampError('timestamp.bad-request', `the timestamp request is malformed: ${cause.message}`, { cause })
}

function readRequest(der: Uint8Array): TimestampRequest {
  const parts = partsOf(readDer(der, { maxBytes: MAX_REQUEST_BYTES, maxNodes: 100 }), 'a timestamp request')
  if (smallInteger(parts.takeAny('the version'), 'the version') !== 1) {
    throw timestampError('timestamp.bad-request', 'the timestamp request is of another version')
  }
  const imprint = parts.take(0x30, 'the message imprint')
  const policy = parts.takeIf(0x06)
  const nonce = parts.takeIf(0x02)
  const certReq = parts.takeIf(0x01)
  const extensions = parts.takeIf(0xa0)
  parts.end('a timestamp request')
  // RFC 3161, 2.4.1: extensions that are not recognised are refused, critical or not.
  if (extensions !== undefined) throw timestampError('timestamp.unaccepted-extension', 'the request has extensions')
  return {
    ...readImprint(imprint),
    imprint: imprint.raw,
    // DER leaves FALSE out, but a request is not signed, and some clients write it.
    certReq: certReq !== undefined && booleanValue(certReq, 'certReq'),
    ...(policy === undefined ? {} : { policy: oidValue(policy, 'the policy') }),
    ...(nonce === undefined ? {} : { nonce: readNonce(nonce) }),
  }
}

/** Digest algorithm and digest of a MessageImprint. Throws `timestamp.bad-algorithm`, `timestamp.bad-digest`, `der.*`. */
export function readImprint(node: DerNode): Pick<TimestampRequest, 'hash' | 'digest'> {
  const parts = partsOf(node, 'the message imprint')
  const hash = parseDigestIdentifier(parts.takeAny('the digest algorithm'))
  const digest = octets(parts.takeAny('the digest'), 'the digest')
  parts.end('the message imprint')
  if (hash === undefined) throw timestampError('timestamp.bad-algorithm', 'the digest algorithm is not supported')
  return { hash, digest: checkedDigest(hash, digest) }
}

function checkedDigest(hash: DigestAlgorithm, digest: Uint8Array): Uint8Array {
  if (digest.length !== DIGEST_BYTES[hash]) throw timestampError('timestamp.bad-digest', `not a ${hash} digest`)
  return digest
}

function readNonce(node: DerNode): bigint {
  if (node.content.length > MAX_NONCE_BYTES) {
    throw timestampError('timestamp.bad-request', `the nonce is longer than ${MAX_NONCE_BYTES} bytes`)
  }
  return integerValue(node, 'the nonce')
}

const MAX_JSON_BYTES = 1024
const jsonFields: ReadonlySet<string> = new Set([
  'artifactHash',
  'hashAlgorithm',
  'certificates',
  'nonce',
  'tsaPolicyOID',
])

/**
 * Reads the JSON form that Sigstore clients may send, at most 1024 bytes:
 * `{"artifactHash": base64, "hashAlgorithm": "sha256", "certificates"?: boolean, "nonce"?: integer, "tsaPolicyOID"?: string}`.
 * Throws `timestamp.bad-request`, `timestamp.bad-algorithm`, `timestamp.bad-digest`.
 */
export function parseTimestampRequestJson(bytes: Uint8Array): TimestampRequest {
  let json: JsonValue
  try {
    json = parseJson(bytes, { maxBytes: MAX_JSON_BYTES, maxDepth: 2 })
  } catch (cause) {
    throw cause instanceof CodedError ? badRequest(cause) : cause
  }
  if (json === null || typeof json !== 'object' || Array.isArray(json)) throw badField('the document')
  return readJsonRequest(json as Readonly<Record<string, JsonValue | undefined>>)
}

function readJsonRequest(json: Readonly<Record<string, JsonValue | undefined>>): TimestampRequest {
  if (!Object.keys(json).every((name) => jsonFields.has(name))) throw badField('a field that does not exist')
  const { artifactHash, hashAlgorithm, certificates = false, nonce, tsaPolicyOID } = json
  if (typeof artifactHash !== 'string') throw badField('artifactHash')
  if (typeof hashAlgorithm !== 'string') throw badField('hashAlgorithm')
  if (typeof certificates !== 'boolean') throw badField('certificates')
  if (nonce !== undefined && !Number.isSafeInteger(nonce)) throw badField('nonce')
  if (tsaPolicyOID !== undefined && typeof tsaPolicyOID !== 'string') throw badField('tsaPolicyOID')
  if (!Object.hasOwn(DIGEST_BYTES, hashAlgorithm)) {
    throw timestampError('timestamp.bad-algorithm', 'the digest algorithm is not supported')
  }
  const hash = hashAlgorithm as DigestAlgorithm
  return {
    hash,
    digest: checkedDigest(hash, decodeArtifactHash(artifactHash)),
    certReq: certificates,
    ...(nonce === undefined ? {} : { nonce: BigInt(nonce as number) }),
    ...(tsaPolicyOID === undefined ? {} : { policy: tsaPolicyOID }),
  }
}

function decodeArtifactHash(text: string): Uint8Array {
  try {
    return decodeBase64(text, 'artifactHash')
  } catch (cause) {
    throw cause instanceof CodedError ? badRequest(cause) : cause
  }
}

function badField(what: string): CodedError {
  return timestampError('timestamp.bad-request', `${what} is missing or not as expected`)
}
