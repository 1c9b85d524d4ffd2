import { hash } from 'node:crypto'
import { bitStringBytes } from '../der/derValues.ts'
import { readDer } from '../der/readDer.ts'
import {
  asciiBytes,
  bitString,
  boolean,
  explicit,
  integer,
  octetString,
  oid,
  sequence,
  tagged,
} from '../der/writeDer.ts'
import { x509Error } from './errors.ts'
import { type GeneralName, writeGeneralName } from './generalName.ts'
import { EXTENDED_KEY_USAGES, EXTENSION_OIDS, type Purpose } from './oids.ts'

/** One extension of a certificate, request or list; `value` is what the OCTET STRING holds. */
export interface Extension {
  readonly oid: string
  readonly critical: boolean
  readonly value: Uint8Array
}

/** Key usages in the order of their bits (RFC 5280, 4.2.1.3). */
export const KEY_USAGES = [
  'digitalSignature',
  'contentCommitment',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const

/** One key usage. */
export type KeyUsage = (typeof KEY_USAGES)[number]

/** Extension as it stands in a certificate: `critical` is written only where true (DER DEFAULT). */
export function writeExtension({ oid: type, critical, value }: Extension): Uint8Array {
  return critical ? sequence(oid(type), boolean(true), octetString(value)) : sequence(oid(type), octetString(value))
}

/** Extensions: the SEQUENCE OF that certificates and lists hold under their context tag. */
export function writeExtensions(extensions: readonly Extension[]): Uint8Array {
  return sequence(...extensions.map(writeExtension))
}

/** BasicConstraints, critical. `pathLength` counts the CA certificates that may follow (0 or more). */
export function basicConstraints({ ca, pathLength }: { ca: boolean; pathLength?: number }): Extension {
  const parts = ca ? [boolean(true), ...(pathLength === undefined ? [] : [integer(pathLength)])] : []
  return { oid: EXTENSION_OIDS.basicConstraints, critical: true, value: sequence(...parts) }
}

/** KeyUsage, critical; at least one usage, else `x509.unwritable`. */
export function keyUsage(usages: readonly KeyUsage[]): Extension {
  const bits = usages.map((usage) => KEY_USAGES.indexOf(usage))
  const last = Math.max(...bits)
  if (bits.length === 0) throw x509Error('x509.unwritable', 'a key usage without usages')
  const bytes = new Uint8Array((last >> 3) + 1)
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] as number) | (0x80 >> (bit & 7))
  // A list of named bits has no trailing zero bits (X.690, 11.2.2).
  return { oid: EXTENSION_OIDS.keyUsage, critical: true, value: bitString(bytes, 7 - (last & 7)) }
}

/** ExtendedKeyUsage. Critical only for time stamping (RFC 3161, 2.3); Sigstore's path checks want the others not. */
export function extendedKeyUsage(purposes: readonly Purpose[], critical = false): Extension {
  const value = sequence(...purposes.map((purpose) => oid(EXTENDED_KEY_USAGES[purpose])))
  return { oid: EXTENSION_OIDS.extendedKeyUsage, critical, value }
}

/** The identifier that `subjectKeyIdentifier` writes: SHA-1 of the key's bits (RFC 5280, 4.2.1.2, method 1). A label, not a proof. */
export function keyIdentifier(spki: Uint8Array): Uint8Array {
  const bits = bitStringBytes(readDer(spki).children[1], 'a public key')
  return new Uint8Array(hash('sha1', bits, 'buffer'))
}

/** SubjectKeyIdentifier of the key in `spki` (DER SubjectPublicKeyInfo). */
export function subjectKeyIdentifier(spki: Uint8Array): Extension {
  const value = octetString(keyIdentifier(spki))
  return { oid: EXTENSION_OIDS.subjectKeyIdentifier, critical: false, value }
}

/** AuthorityKeyIdentifier from the issuer's subject key identifier. */
export function authorityKeyIdentifier(issuerSubjectKeyId: Uint8Array): Extension {
  const value = sequence(tagged(0x80, issuerSubjectKeyId))
  return { oid: EXTENSION_OIDS.authorityKeyIdentifier, critical: false, value }
}

/** SubjectAltName. Critical where the subject is empty (RFC 5280, 4.2.1.6). At least one name, else `x509.unwritable`. */
export function subjectAltName(names: readonly GeneralName[], critical: boolean): Extension {
  if (names.length === 0) throw x509Error('x509.unwritable', 'alternative names without a name')
  const value = sequence(...names.map(writeGeneralName))
  return { oid: EXTENSION_OIDS.subjectAltName, critical, value }
}

/** CRLDistributionPoints, each with one address. */
export function crlDistributionPoints(urls: readonly string[]): Extension {
  const points = urls.map((url) => sequence(explicit(0, explicit(0, tagged(0x86, asciiBytes(url))))))
  return { oid: EXTENSION_OIDS.crlDistributionPoints, critical: false, value: sequence(...points) }
}

const OID_CA_ISSUERS = '1.3.6.1.5.5.7.48.2'

/** AuthorityInformationAccess with the address of the issuer's certificate. OCSP is not offered. */
export function authorityInformationAccess({ caIssuers }: { caIssuers: string }): Extension {
  const description = sequence(oid(OID_CA_ISSUERS), tagged(0x86, asciiBytes(caIssuers)))
  return { oid: EXTENSION_OIDS.authorityInformationAccess, critical: false, value: sequence(description) }
}
