import { hash, type KeyObject } from 'node:crypto'
import { bitStringBytes, partsOf, positiveIntegerBytes, timeValue } from '../der/derValues.ts'
import { type DerNode, readDer } from '../der/readDer.ts'
import { translateDerErrors } from '../der/translateDerErrors.ts'
import { toHex } from '../json/base64.ts'
import { malformedCertificate, x509Error } from './errors.ts'
import type { Extension, KeyUsage } from './extensions.ts'
import { type GeneralName, parseGeneralNames } from './generalName.ts'
import { checkName, nameText } from './name.ts'
import { EXTENSION_OIDS } from './oids.ts'
import { readPem, writePem } from './pem.ts'
import {
  parseAuthorityKeyIdentifier,
  parseBasicConstraints,
  parseCrlDistributionPoints,
  parseExtendedKeyUsage,
  parseExtensions,
  parseIssuerUrls,
  parseKeyUsage,
  parseSpkiBits,
  parseSubjectKeyIdentifier,
} from './readExtensions.ts'
import { importPublicKey, parseAlgorithmIdentifier, type SignatureAlgorithm } from './signatureAlgorithm.ts'

/**
 * A certificate that was read completely but not verified: see `verifyChain`. Byte arrays share memory with the input
 * and must not be written into. `publicKey`, `keyId` and the texts are made when first asked for.
 */
export interface Certificate {
  readonly raw: Uint8Array
  /** TBSCertificate: what the signature covers. */
  readonly tbs: Uint8Array
  /** Big-endian, positive, without leading zeros. */
  readonly serial: Uint8Array
  readonly serialHex: string
  /** DER of the issuer's Name; names are compared bytewise. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  /** For people, as RFC 4514. */
  readonly issuerText: string
  readonly subjectText: string
  readonly notBefore: Date
  /** Inclusive (RFC 5280, 4.1.2.5). */
  readonly notAfter: Date
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  /** Lower-case hex SHA-256 of `spki`. */
  readonly keyId: string
  /** Throws `x509.key-unsupported` when asked for, where the key is of an unsupported kind. */
  readonly publicKey: KeyObject
  readonly signatureAlgorithm: SignatureAlgorithm
  /** ECDSA in DER. */
  readonly signature: Uint8Array
  readonly extensions: readonly Extension[]
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength?: number }
  readonly keyUsage?: ReadonlySet<KeyUsage>
  /** Object identifiers. */
  readonly extendedKeyUsage?: readonly string[]
  readonly subjectAltNames: readonly GeneralName[]
  readonly subjectKeyId?: Uint8Array
  readonly authorityKeyId?: Uint8Array
  readonly crlUrls: readonly string[]
  readonly issuerUrls: readonly string[]
}

const MAX_CERTIFICATE_BYTES = 64 << 10

/**
 * Reads a version 3 certificate (RFC 5280, 4.1) of at most 64 KiB. Nothing is verified, not even the signature.
 * Throws `x509.malformed`, `x509.algorithm-unsupported`.
 */
export function parseCertificate(der: Uint8Array): Certificate {
  return translateDerErrors(malformedCertificate, () => readCertificate(der))
}

function readCertificate(der: Uint8Array): Certificate {
  const parts = partsOf(readDer(der, { maxBytes: MAX_CERTIFICATE_BYTES }), 'a certificate')
  const tbs = parts.take(0x30, 'the signed part')
  const outerAlgorithm = parts.take(0x30, 'the signature algorithm')
  const signature = bitStringBytes(parts.takeAny('the signature'), 'the signature')
  parts.end('a certificate')
  const signatureAlgorithm = parseAlgorithmIdentifier(outerAlgorithm)
  const fields = parseTbs(tbs, signatureAlgorithm)
  return makeCertificate({ raw: der, tbs: tbs.raw, signatureAlgorithm, signature, ...fields })
}

/** The parts of a TBSCertificate before their meaning is looked at. */
function parseTbs(tbs: DerNode, outerAlgorithm: SignatureAlgorithm) {
  const parts = partsOf(tbs, 'the signed part')
  const version = parts.take(0xa0, 'the version').children[0]
  if (version?.content[0] !== 2 || version.content.length !== 1) {
    throw x509Error('x509.malformed', 'only version 3 certificates are read')
  }
  const serial = positiveIntegerBytes(parts.takeAny('the serial number'), 'the serial number')
  // RFC 5280, 4.1.2.2: at most 20 octets. One more is the sign of a number with its top bit set.
  if (serial.length > 20) throw x509Error('x509.malformed', 'the serial number is longer than 20 bytes')
  const algorithm = parseAlgorithmIdentifier(parts.take(0x30, 'the signature algorithm'))
  if (algorithm !== outerAlgorithm) throw x509Error('x509.malformed', 'the two signature algorithms differ')
  const issuer = parts.take(0x30, 'the issuer')
  const validity = partsOf(parts.take(0x30, 'the validity'), 'the validity')
  const notBefore = timeValue(validity.takeAny('notBefore'), 'notBefore')
  const notAfter = timeValue(validity.takeAny('notAfter'), 'notAfter')
  validity.end('the validity')
  const subject = parts.take(0x30, 'the subject')
  checkName(issuer)
  checkName(subject)
  const spki = parts.take(0x30, 'the public key')
  parseSpkiBits(spki)
  const extensionsPart = parts.takeIf(0xa3)
  parts.end('the signed part')
  const extensions = extensionsPart === undefined ? [] : parseExtensions(onlyChild(extensionsPart))
  return { serial, issuer: issuer.raw, notBefore, notAfter, subject: subject.raw, spki: spki.raw, extensions }
}

function onlyChild(node: DerNode): DerNode | undefined {
  return node.children.length === 1 ? node.children[0] : undefined
}

type CertificateFields = ReturnType<typeof parseTbs> &
  Pick<Certificate, 'raw' | 'tbs' | 'signatureAlgorithm' | 'signature'>

function makeCertificate(fields: CertificateFields): Certificate {
  let keyId: string | undefined
  let serialHex: string | undefined
  return {
    ...fields,
    ...knownExtensions(fields.extensions),
    get serialHex() {
      serialHex ??= toHex(fields.serial)
      return serialHex
    },
    get issuerText() {
      return nameText(fields.issuer)
    },
    get subjectText() {
      return nameText(fields.subject)
    },
    get keyId() {
      keyId ??= hash('sha256', fields.spki, 'hex')
      return keyId
    },
    get publicKey() {
      return importPublicKey(fields.spki)
    },
  }
}

type KnownExtensions = Pick<
  Certificate,
  | 'basicConstraints'
  | 'keyUsage'
  | 'extendedKeyUsage'
  | 'subjectAltNames'
  | 'subjectKeyId'
  | 'authorityKeyId'
  | 'crlUrls'
  | 'issuerUrls'
>

function knownExtensions(extensions: readonly Extension[]): KnownExtensions {
  const known: { -readonly [Name in keyof KnownExtensions]: KnownExtensions[Name] } = {
    subjectAltNames: [],
    crlUrls: [],
    issuerUrls: [],
  }
  for (const { oid, value } of extensions) readKnownExtension(known, oid, value)
  return known
}

function readKnownExtension(
  known: { -readonly [Name in keyof KnownExtensions]: KnownExtensions[Name] },
  oid: string,
  value: Uint8Array,
): void {
  switch (oid) {
    case EXTENSION_OIDS.basicConstraints:
      known.basicConstraints = parseBasicConstraints(value)
      break
    case EXTENSION_OIDS.keyUsage:
      known.keyUsage = parseKeyUsage(value)
      break
    case EXTENSION_OIDS.extendedKeyUsage:
      known.extendedKeyUsage = parseExtendedKeyUsage(value)
      break
    case EXTENSION_OIDS.subjectAltName:
      known.subjectAltNames = parseGeneralNames(readDer(value), 'alternative names')
      break
    case EXTENSION_OIDS.subjectKeyIdentifier:
      known.subjectKeyId = parseSubjectKeyIdentifier(value)
      break
    case EXTENSION_OIDS.authorityKeyIdentifier: {
      const keyIdentifier = parseAuthorityKeyIdentifier(value)
      if (keyIdentifier !== undefined) known.authorityKeyId = keyIdentifier
      break
    }
    case EXTENSION_OIDS.crlDistributionPoints:
      known.crlUrls = parseCrlDistributionPoints(value)
      break
    case EXTENSION_OIDS.authorityInformationAccess:
      known.issuerUrls = parseIssuerUrls(value)
      break
  }
}

/** The certificates of a PEM text, in order, at least one. Throws `x509.bad-pem` and what `parseCertificate` throws. */
export function parsePemCertificates(text: string): Certificate[] {
  return readPem(text, ['CERTIFICATE']).map(parseCertificate)
}

/** One certificate as a PEM block with a final line feed (RFC 7468, 5). */
export function toPem(der: Uint8Array): string {
  return writePem('CERTIFICATE', der)
}
