import { bitString, explicit, integer, sequence, time } from '../der/writeDer.ts'
import { type Extension, writeExtensions } from './extensions.ts'
import { algorithmIdentifier, type SignatureAlgorithm } from './signatureAlgorithm.ts'

/** Everything a certificate says, apart from its signature. */
export interface TbsCertificate {
  /** Big-endian and positive, at most 20 bytes. */
  readonly serial: Uint8Array
  /** DER of the issuer's Name, byte for byte as in the issuer's own certificate. */
  readonly issuer: Uint8Array
  /** DER Name; `EMPTY_NAME` on identity certificates. */
  readonly subject: Uint8Array
  /** Fractions of a second are cut off. */
  readonly notBefore: Date
  /** Inclusive. */
  readonly notAfter: Date
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  /** Written in this order. */
  readonly extensions: readonly Extension[]
  /** Of the key that will sign. */
  readonly signatureAlgorithm: SignatureAlgorithm
}

const VERSION_3 = explicit(0, integer(2))

/** TBSCertificate, version 3 (RFC 5280, 4.1): the bytes to sign. Throws `der.unwritable`. */
export function writeTbsCertificate(tbs: TbsCertificate): Uint8Array {
  return sequence(
    VERSION_3,
    integer(tbs.serial),
    algorithmIdentifier(tbs.signatureAlgorithm),
    tbs.issuer,
    sequence(time(tbs.notBefore), time(tbs.notAfter)),
    tbs.subject,
    tbs.spki,
    explicit(3, writeExtensions(tbs.extensions)),
  )
}

/** The certificate of a signed `tbs`; `signature` over exactly these bytes, ECDSA in DER. */
export function assembleCertificate(
  tbs: Uint8Array,
  signatureAlgorithm: SignatureAlgorithm,
  signature: Uint8Array,
): Uint8Array {
  return sequence(tbs, algorithmIdentifier(signatureAlgorithm), bitString(signature))
}
