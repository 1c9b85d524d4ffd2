import {
  expectTag,
  integerValue,
  octets,
  oidValue,
  partsOf,
  positiveIntegerBytes,
  smallInteger,
  timeValue,
} from '../der/derValues.ts'
import { type DerNode, readDer } from '../der/readDer.ts'
import { translateDerErrors } from '../der/translateDerErrors.ts'
import { type CodedError, hasCode } from '../errors/codedError.ts'
import { toHex } from '../json/base64.ts'
import { parseAlgorithmIdentifier, type SignatureAlgorithm } from '../x509/signatureAlgorithm.ts'
import { type DigestAlgorithm, parseDigestIdentifier } from './digestAlgorithm.ts'
import { timestampError } from './errors.ts'
import { TOKEN_OIDS } from './oids.ts'
import { readImprint } from './request.ts'

/** A timestamp that was read completely but not verified. Byte arrays share memory with the input. */
export interface UnverifiedToken {
  /** DER of TSTInfo: what the message digest covers. */
  readonly info: Uint8Array
  readonly policy: string
  readonly imprint: { readonly hash: DigestAlgorithm; readonly digest: Uint8Array }
  readonly serialHex: string
  readonly genTime: Date
  readonly nonce?: bigint
  /** DER Name and serial number of the certificate that is said to have signed. */
  readonly signerIssuer: Uint8Array
  readonly signerSerial: Uint8Array
  readonly digestAlgorithm: DigestAlgorithm
  /** The signed attributes as the SET that the signature covers. */
  readonly signedAttributes: Uint8Array
  readonly contentType: string
  readonly messageDigest: Uint8Array
  /** The first identifier of signing-certificate-v2. */
  readonly signingCertificate: { readonly hash: DigestAlgorithm; readonly digest: Uint8Array }
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly signature: Uint8Array
}

const MAX_RESPONSE_BYTES = 64 << 10

/**
 * Reads a TimeStampResp (RFC 3161, 2.4.2) of at most 64 KiB with one signer who is named by issuer and serial number.
 * Certificates and lists inside are not looked at. Throws `timestamp.refused`, `timestamp.malformed`.
 */
export function readTimestampResponse(response: Uint8Array): UnverifiedToken {
  return translateDerErrors(malformed, () => readResponse(response))
}

function malformed(cause: CodedError): CodedError {
  return timestampError('timestamp.malformed', `the timestamp is malformed: ${cause.message}`, { cause })
}

function readResponse(response: Uint8Array): UnverifiedToken {
  const parts = partsOf(readDer(response, { maxBytes: MAX_RESPONSE_BYTES, maxNodes: 5000 }), 'a timestamp response')
  const status = smallInteger(parts.take(0x30, 'the status').children[0], 'the status')
  // 1, granted with modifications, would be a timestamp for something that nobody asked for.
  if (status !== 0) throw timestampError('timestamp.refused', `the authority refused with status ${status}`)
  const contentInfo = partsOf(parts.take(0x30, 'the token'), 'the token')
  parts.end('a timestamp response')
  expectType(contentInfo.takeAny('the content type'), TOKEN_OIDS.signedData)
  const signedData = onlyChild(contentInfo.take(0xa0, 'the signed data'), 'the signed data')
  contentInfo.end('the token')
  return readSignedData(signedData)
}

/** SignedData (RFC 5652, 5.1), narrowed to one signer as RFC 3161, 2.4.2 demands. */
function readSignedData(node: DerNode): UnverifiedToken {
  const parts = partsOf(node, 'the signed data')
  if (smallInteger(parts.takeAny('the version'), 'the version') !== 3) throw malformedToken('another version of CMS')
  const digestAlgorithms = parts.take(0x31, 'the digest algorithms').children.map(parseDigestIdentifier)
  const content = partsOf(parts.take(0x30, 'the content'), 'the content')
  parts.takeIf(0xa0)
  parts.takeIf(0xa1)
  const signers = parts.take(0x31, 'the signers')
  parts.end('the signed data')
  expectType(content.takeAny('the content type'), TOKEN_OIDS.timestampInfo)
  const info = octets(onlyChild(content.take(0xa0, 'the content'), 'the content'), 'the content')
  content.end('the content')
  const signer = readSigner(onlyChild(signers, 'the signers'))
  // RFC 5652, 5.1 and 5.3: the signer's algorithm is among those announced.
  if (!digestAlgorithms.includes(signer.digestAlgorithm)) throw malformedToken('a digest that was not announced')
  return { info, ...readInfo(info), ...signer }
}

/** TSTInfo (RFC 3161, 2.4.2). */
function readInfo(info: Uint8Array) {
  const parts = partsOf(readDer(info, { maxNodes: 500 }), 'the timestamp')
  if (smallInteger(parts.takeAny('the version'), 'the version') !== 1)
    throw malformedToken('another version of TSTInfo')
  const policy = oidValue(parts.takeAny('the policy'), 'the policy')
  const imprint = readTokenImprint(parts.take(0x30, 'the message imprint'))
  const serialHex = serialText(parts.take(0x02, 'the serial number'))
  const genTime = timeValue(parts.take(0x18, 'the time'), 'the time')
  parts.takeIf(0x30) // accuracy: the caller's policy knows how exact its authorities are
  parts.takeIf(0x01) // ordering
  const nonce = parts.takeIf(0x02)
  parts.takeIf(0xa0) // tsa: a hint; the signer is named in SignerInfo
  refuseCriticalExtensions(parts.takeIf(0xa1))
  parts.end('the timestamp')
  const optional = nonce === undefined ? {} : { nonce: integerValue(nonce, 'the nonce') }
  return { policy, imprint, serialHex, genTime, ...optional }
}

/** Unlike those of certificates, serial numbers of timestamps may be zero or negative (RFC 3161, 2.4.2). */
function serialText(node: DerNode): string {
  const { content } = node
  return toHex(content.length > 1 && content[0] === 0 ? content.subarray(1) : content)
}

function readTokenImprint(node: DerNode) {
  try {
    return readImprint(node)
  } catch (error) {
    // These codes speak of requests; here the timestamp itself is at fault.
    if (hasCode(error, 'timestamp.bad-algorithm') || hasCode(error, 'timestamp.bad-digest')) throw malformed(error)
    throw error
  }
}

function refuseCriticalExtensions(extensions: DerNode | undefined): void {
  const critical = extensions?.children.some((extension) => extension.children[1]?.tag === 0x01)
  if (critical) throw malformedToken('a critical extension that is not known here')
}

/** SignerInfo (RFC 5652, 5.3), version 1, with signed attributes. */
function readSigner(node: DerNode) {
  const parts = partsOf(node, 'a signer')
  if (smallInteger(parts.takeAny('the version'), 'the version') !== 1)
    throw malformedToken('another way to name a signer')
  const name = partsOf(parts.take(0x30, 'the name of the signer'), 'the name of the signer')
  const signerIssuer = name.take(0x30, 'the issuer').raw
  const signerSerial = positiveIntegerBytes(name.takeAny('the serial number'), 'the serial number')
  name.end('the name of the signer')
  const digestAlgorithm = requireDigest(parseDigestIdentifier(parts.take(0x30, 'the digest algorithm')))
  const signedAttributes = parts.take(0xa0, 'the signed attributes').raw.slice()
  // The signature covers them as a SET (RFC 5652, 5.4).
  signedAttributes[0] = 0x31
  const signatureAlgorithm = readSignatureAlgorithm(parts.take(0x30, 'the signature algorithm'), digestAlgorithm)
  const signature = octets(parts.takeAny('the signature'), 'the signature')
  parts.takeIf(0xa1) // unsigned attributes
  parts.end('a signer')
  const attributes = readAttributes(readDer(signedAttributes))
  return { signerIssuer, signerSerial, digestAlgorithm, signedAttributes, signatureAlgorithm, signature, ...attributes }
}

// PKCS #1 v1.5 by the name of the key alone; the digest is then that of the attributes (RFC 3370, 3.2).
const OID_RSA_ENCRYPTION = '1.2.840.113549.1.1.1'

function readSignatureAlgorithm(node: DerNode, digest: DigestAlgorithm): SignatureAlgorithm {
  if (oidValue(node.children[0], 'a signature algorithm') === OID_RSA_ENCRYPTION) return `rsa-${digest}`
  try {
    return parseAlgorithmIdentifier(node)
  } catch (error) {
    if (hasCode(error, 'x509.algorithm-unsupported')) throw malformed(error)
    throw error
  }
}

function readAttributes(set: DerNode) {
  const values = new Map<string, DerNode>()
  for (const attribute of set.children) {
    const parts = partsOf(attribute, 'a signed attribute')
    const type = oidValue(parts.takeAny('an attribute type'), 'an attribute type')
    const value = onlyChild(parts.take(0x31, 'an attribute value'), 'an attribute value')
    parts.end('a signed attribute')
    if (values.has(type)) throw malformedToken('a signed attribute stands twice')
    values.set(type, value)
  }
  return {
    contentType: oidValue(values.get(TOKEN_OIDS.contentType), 'the attribute content type'),
    messageDigest: octets(values.get(TOKEN_OIDS.messageDigest), 'the attribute message digest'),
    signingCertificate: readSigningCertificate(values.get(TOKEN_OIDS.signingCertificateV2)),
  }
}

/** SigningCertificateV2 (RFC 5035, 3): the first identifier is that of the signer. */
function readSigningCertificate(node: DerNode | undefined): UnverifiedToken['signingCertificate'] {
  const list = partsOf(node, 'the attribute signing certificate').take(0x30, 'certificate identifiers')
  const identifier = partsOf(list.children[0], 'a certificate identifier')
  const algorithm = identifier.takeIf(0x30)
  const digest = octets(identifier.takeAny('a certificate digest'), 'a certificate digest')
  return { hash: algorithm === undefined ? 'sha256' : requireDigest(parseDigestIdentifier(algorithm)), digest }
}

function requireDigest(algorithm: DigestAlgorithm | undefined): DigestAlgorithm {
  if (algorithm === undefined) throw malformedToken('a digest algorithm that is not supported')
  return algorithm
}

function expectType(node: DerNode, type: string): void {
  if (oidValue(node, 'a content type') !== type) throw malformedToken('another type of content')
}

function onlyChild(node: DerNode, what: string): DerNode {
  if (node.children.length !== 1) throw malformedToken(`${what} is not exactly one`)
  return expectTag(node.children[0], node.children[0]?.tag ?? 0, what)
}

function malformedToken(message: string): CodedError {
  return timestampError('timestamp.malformed', `the timestamp has ${message}`)
}
