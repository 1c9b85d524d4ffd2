import { createPublicKey, type KeyObject, sign } from 'node:crypto'
import { bitStringBytes, oidValue, partsOf, sequenceOf, smallInteger } from '../der/derValues.ts'
import { type DerNode, readDer } from '../der/readDer.ts'
import { translateDerErrors } from '../der/translateDerErrors.ts'
import { bitString, integer, oid, sequence, set, tagged } from '../der/writeDer.ts'
import type { CodedError } from '../errors/codedError.ts'
import { x509Error } from './errors.ts'
import { type Extension, writeExtensions } from './extensions.ts'
import { checkName, EMPTY_NAME } from './name.ts'
import { parseExtensions, parseSpkiBits } from './readExtensions.ts'
import {
  algorithmIdentifier,
  importPublicKey,
  isSignedBy,
  parseAlgorithmIdentifier,
  type SignatureAlgorithm,
} from './signatureAlgorithm.ts'

/** A request whose sender was shown to hold the private key. What it asks for is the sender's wish, nothing more. */
export interface CertificateRequest {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  readonly publicKey: KeyObject
  /** DER Name. */
  readonly subject: Uint8Array
  /** Requested extensions (RFC 2985, 5.4.2); empty where none. */
  readonly extensions: readonly Extension[]
}

const OID_EXTENSION_REQUEST = '1.2.840.113549.1.9.14'
const MAX_REQUEST_BYTES = 16 << 10

/**
 * Reads a PKCS#10 request (RFC 2986) of at most 16 KiB and proves that its own key signed it.
 * Throws `x509.request-malformed`, `x509.request-signature-wrong`, `x509.algorithm-unsupported`, `x509.key-unsupported`.
 */
export function parseCertificateRequest(der: Uint8Array): CertificateRequest {
  return translateDerErrors(malformedRequest, () => readRequest(der))
}

function malformedRequest(cause: CodedError): CodedError {
  return x509Error('x509.request-malformed', `the request is malformed: ${cause.message}`, { cause })
}

function readRequest(der: Uint8Array): CertificateRequest {
  const parts = partsOf(readDer(der, { maxBytes: MAX_REQUEST_BYTES }), 'a certificate request')
  const info = parts.take(0x30, 'the signed part')
  const algorithm = parseAlgorithmIdentifier(parts.take(0x30, 'the signature algorithm'))
  const signature = bitStringBytes(parts.takeAny('the signature'), 'the signature')
  parts.end('a certificate request')
  const request = readRequestInfo(info)
  const publicKey = importPublicKey(request.spki)
  if (!isSignedBy(publicKey, algorithm, info.raw, signature)) {
    throw x509Error('x509.request-signature-wrong', 'the request is not signed by the key that it holds')
  }
  return { ...request, publicKey }
}

function readRequestInfo(info: DerNode) {
  const parts = partsOf(info, 'the signed part')
  const version = smallInteger(parts.takeAny('the version'), 'the version')
  if (version !== 0) throw x509Error('x509.request-malformed', 'the request is of another version')
  const subject = parts.take(0x30, 'the subject')
  checkName(subject)
  const spki = parts.take(0x30, 'the public key')
  parseSpkiBits(spki)
  // [0] is not optional in the standard, but some writers leave it out when there are no attributes.
  const attributes = parts.takeIf(0xa0)?.children ?? []
  parts.end('the signed part')
  return { subject: subject.raw, spki: spki.raw, extensions: requestedExtensions(attributes) }
}

function requestedExtensions(attributes: readonly DerNode[]): Extension[] {
  const requests = attributes.filter((attribute) => {
    const [type] = sequenceOf(attribute, 'an attribute', 2, 2)
    return oidValue(type, 'an attribute type') === OID_EXTENSION_REQUEST
  })
  if (requests.length > 1) throw x509Error('x509.request-malformed', 'extensions are requested twice')
  const values = requests[0]?.children[1]
  if (values === undefined) return []
  const parts = partsOf(values, 'requested extensions', 0x31)
  const extensions = parts.take(0x30, 'requested extensions')
  parts.end('requested extensions')
  return parseExtensions(extensions)
}

/** CertificationRequestInfo (RFC 2986, 4.1): the bytes to sign. The subject is empty where not given. */
export function writeRequestInfo(info: {
  spki: Uint8Array
  subject?: Uint8Array
  extensions?: readonly Extension[]
}): Uint8Array {
  const { extensions = [] } = info
  const attributes =
    extensions.length === 0 ? [] : [sequence(oid(OID_EXTENSION_REQUEST), set(writeExtensions(extensions)))]
  return sequence(integer(0), info.subject ?? EMPTY_NAME, info.spki, tagged(0xa0, ...attributes))
}

/** The request of a signed `info`; `signature` over exactly these bytes, ECDSA in DER. */
export function assembleCertificateRequest(
  info: Uint8Array,
  signatureAlgorithm: SignatureAlgorithm,
  signature: Uint8Array,
): Uint8Array {
  return sequence(info, algorithmIdentifier(signatureAlgorithm), bitString(signature))
}

/**
 * A whole request, signed with `privateKey`: P-256, P-384, P-521 (each with the hash of its size), RSA (SHA-256) or
 * Ed25519. The subject is empty where not given. Throws `x509.key-unsupported`.
 */
export function signCertificateRequest(privateKey: KeyObject, subject?: Uint8Array): Uint8Array {
  const algorithm = algorithmOf(privateKey)
  const spki = new Uint8Array(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }))
  const info = writeRequestInfo({ spki, ...(subject && { subject }) })
  const hash = algorithm === 'ed25519' ? null : (algorithm.split('-')[1] ?? null)
  return assembleCertificateRequest(info, algorithm, new Uint8Array(sign(hash, info, privateKey)))
}

const curveAlgorithms: Readonly<Record<string, SignatureAlgorithm>> = {
  prime256v1: 'ecdsa-sha256',
  secp384r1: 'ecdsa-sha384',
  secp521r1: 'ecdsa-sha512',
}

function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): SignatureAlgorithm {
  if (type === 'ed25519') return 'ed25519'
  if (type === 'rsa') return 'rsa-sha256'
  const algorithm = type === 'ec' ? curveAlgorithms[details?.namedCurve ?? ''] : undefined
  if (algorithm === undefined) throw x509Error('x509.key-unsupported', 'requests are not signed with keys of this kind')
  return algorithm
}
