import { integerValue, octets, oidValue, partsOf, sequenceOf, smallInteger } from '../der/derValues.ts'
import { type DerNode, readDer } from '../der/readDer.ts'
import { translateDerErrors } from '../der/translateDerErrors.ts'
import { integer, octetString, oid, sequence } from '../der/writeDer.ts'
import type { CodedError } from '../errors/codedError.ts'
import { toHex } from '../json/base64.ts'
import type { Certificate } from './certificate.ts'
import { x509Error } from './errors.ts'
import type { Extension } from './extensions.ts'
import { SHA256_OID } from './oids.ts'

/**
 * The extension that makes a certificate that of one certification: its number and the digests of what is certified.
 * The arc was made from a fresh GUID; every number of it is below 2^31, because Go refuses larger ones.
 */
export const CERTIFICATION_OID = '1.2.840.113556.1.8000.2554.34632.30019.52274.17748.36809.2566400.15491907.1'

/** What the certification extension says. */
export interface CertificationMark {
  /** Counter of the issuing authority, from 1 and below 2^63. Endings name certifications by authority and number. */
  readonly number: bigint
  /** SHA-256 of what is certified, 32 bytes each, 1 to 16, none twice. */
  readonly digests: readonly Uint8Array[]
}

/** `CertificationMark` as it was read. */
export type ReadCertificationMark = CertificationMark & { readonly digests: Uint8Array[] }

const VERSION = 1
const NUMBER_LIMIT = 2n ** 63n
const DIGEST_BYTES = 32
const MAX_DIGESTS = 16
const MAX_EXTENSION_BYTES = 2048

/**
 * The certification extension, not critical, so that other people's verifiers go on reading the certificate:
 * SEQUENCE { version INTEGER (1), number INTEGER, digests SEQUENCE OF SEQUENCE { hash OBJECT IDENTIFIER, value OCTET STRING } }.
 * Throws `x509.unwritable` for a number or digests out of range.
 */
export function certificationExtension({ number, digests }: CertificationMark): Extension {
  const wrong = whatIsWrong({ number, digests })
  if (wrong !== undefined) throw x509Error('x509.unwritable', wrong)
  const members = digests.map((digest) => sequence(oid(SHA256_OID), octetString(digest)))
  const value = sequence(integer(VERSION), integer(number), sequence(...members))
  return { oid: CERTIFICATION_OID, critical: false, value }
}

/**
 * The certification number and digests that a certificate carries; undefined where it has no such extension, as those of
 * developers. Read strictly: one version, one hash, no unknown part, not critical. Trust it only after `verifyChain`, and
 * only under a certification authority. Throws `x509.certification-extension`.
 */
export function readCertificationExtension({
  extensions,
}: Pick<Certificate, 'extensions'>): ReadCertificationMark | undefined {
  const extension = extensions.find(({ oid: type }) => type === CERTIFICATION_OID)
  if (extension === undefined) return undefined
  if (extension.critical) throw malformed('the certification extension is critical')
  const mark = translateDerErrors(malformedDer, () => readMark(extension.value))
  const wrong = whatIsWrong(mark)
  if (wrong !== undefined) throw malformed(wrong)
  return mark
}

function readMark(value: Uint8Array): ReadCertificationMark {
  const parts = partsOf(readDer(value, { maxBytes: MAX_EXTENSION_BYTES }), 'the certification extension')
  const version = smallInteger(parts.takeAny('the version'), 'the version')
  if (version !== VERSION) throw malformed('the certification extension is of another version')
  const number = integerValue(parts.takeAny('the certification number'), 'the certification number')
  const digests = sequenceOf(parts.takeAny('the digests'), 'the digests', 1, MAX_DIGESTS).map(readDigest)
  parts.end('the certification extension')
  return { number, digests }
}

function readDigest(node: DerNode): Uint8Array {
  const parts = partsOf(node, 'a digest')
  const hash = oidValue(parts.takeAny('a hash function'), 'a hash function')
  if (hash !== SHA256_OID) throw malformed('a digest of the certification extension is not SHA-256')
  const digest = octets(parts.takeAny('a digest'), 'a digest')
  parts.end('a digest')
  return digest
}

function whatIsWrong({ number, digests }: CertificationMark): string | undefined {
  if (number < 1n || number >= NUMBER_LIMIT) return 'a certification number is from 1 to 2^63 - 1'
  if (digests.length === 0 || digests.length > MAX_DIGESTS) return `a certification has 1 to ${MAX_DIGESTS} digests`
  if (digests.some((digest) => digest.length !== DIGEST_BYTES)) return 'a digest of a certification has 32 bytes'
  if (new Set(digests.map(toHex)).size !== digests.length) return 'a digest of a certification stands twice'
  return undefined
}

function malformedDer(cause: CodedError): CodedError {
  return x509Error('x509.certification-extension', `the extension is malformed: ${cause.message}`, { cause })
}

function malformed(message: string): CodedError {
  return x509Error('x509.certification-extension', message)
}
