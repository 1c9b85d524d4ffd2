import { oidValue, partsOf, smallInteger } from '../der/derValues.ts'
import { type DerNode, readDer } from '../der/readDer.ts'
import { translateDerErrors } from '../der/translateDerErrors.ts'
import { explicit, integer, oid, sequence, set, sortedMembers, tagged } from '../der/writeDer.ts'
import type { CodedError } from '../errors/codedError.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { x509Error } from './errors.ts'

const OID_SIGNED_DATA = '1.2.840.113549.1.7.2'
const OID_DATA = '1.2.840.113549.1.7.1'
const MAX_BYTES = 256 << 10
const MAX_CERTIFICATES = 32

/**
 * Certificates in the one form in which EST carries them: a SignedData without content and without signatures
 * (RFC 5652, 5.1; RFC 7030, 4.1.3 and 4.2.3). It proves nothing. The order says nothing: a SET OF has the order of DER.
 */
export function writeCertsOnly(certificates: readonly Uint8Array[]): Uint8Array {
  const content = sequence(oid(OID_DATA))
  const signedData = sequence(integer(1), set(), content, tagged(0xa0, ...sortedMembers(certificates)), set())
  return sequence(oid(OID_SIGNED_DATA), explicit(0, signedData))
}

/**
 * Reads such a message of at most 256 KiB and 32 certificates; none of them is verified.
 * Throws `x509.certs-only-malformed`, `x509.malformed`, `x509.algorithm-unsupported`.
 */
export function readCertsOnly(der: Uint8Array): Certificate[] {
  return translateDerErrors(malformed, () => readMessage(der))
}

function malformed(cause: CodedError): CodedError {
  return x509Error('x509.certs-only-malformed', `the certificates are malformed: ${cause.message}`, { cause })
}

function readMessage(der: Uint8Array): Certificate[] {
  const message = partsOf(readDer(der, { maxBytes: MAX_BYTES }), 'a message')
  demandType(message.takeAny('the type'), OID_SIGNED_DATA)
  const content = partsOf(message.takeAny('the content'), 'the content', 0xa0)
  message.end('a message')
  const signedData = partsOf(content.take(0x30, 'the signed data'), 'the signed data')
  content.end('the content')
  if (smallInteger(signedData.takeAny('the version'), 'the version') !== 1) {
    throw x509Error('x509.certs-only-malformed', 'the signed data is of another version')
  }
  demandEmpty(signedData.take(0x31, 'the digest algorithms'))
  const inner = partsOf(signedData.take(0x30, 'the inner content'), 'the inner content')
  demandType(inner.takeAny('the inner type'), OID_DATA)
  inner.end('the inner content')
  const { children } = signedData.take(0xa0, 'the certificates')
  demandEmpty(signedData.take(0x31, 'the signatures'))
  signedData.end('the signed data')
  if (children.length === 0 || children.length > MAX_CERTIFICATES) {
    throw x509Error(
      'x509.certs-only-malformed',
      `there are ${children.length} certificates, not 1 to ${MAX_CERTIFICATES}`,
    )
  }
  return children.map(({ raw }) => parseCertificate(raw))
}

function demandType(node: DerNode, expected: string): void {
  if (oidValue(node, 'a type') === expected) return
  throw x509Error('x509.certs-only-malformed', 'the message is of another type')
}

function demandEmpty({ children }: DerNode): void {
  if (children.length > 0) throw x509Error('x509.certs-only-malformed', 'the message is signed, not certificates only')
}
