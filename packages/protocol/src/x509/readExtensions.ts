import {
  asciiText,
  bitStringBytes,
  booleanValue,
  expectTag,
  octets,
  oidValue,
  partsOf,
  sequenceOf,
  smallInteger,
} from '../der/derValues.ts'
import { type DerNode, readDer } from '../der/readDer.ts'
import { x509Error } from './errors.ts'
import { type Extension, KEY_USAGES, type KeyUsage } from './extensions.ts'
import { parseGeneralNames } from './generalName.ts'

const MAX_EXTENSIONS = 100

/**
 * Reads Extensions (RFC 5280, 4.1.2.9), at most 100, each type once. Throws `x509.malformed` for a repeated type, `der.*`.
 */
export function parseExtensions(node: DerNode | undefined): Extension[] {
  const extensions = sequenceOf(node, 'extensions', 1, MAX_EXTENSIONS).map(parseExtension)
  const types = new Set(extensions.map(({ oid }) => oid))
  if (types.size !== extensions.length) throw x509Error('x509.malformed', 'an extension stands twice')
  return extensions
}

function parseExtension(node: DerNode): Extension {
  const parts = partsOf(node, 'an extension')
  const oid = oidValue(parts.takeAny('an extension type'), 'an extension type')
  const flag = parts.takeIf(0x01)
  const value = octets(parts.takeAny('an extension value'), 'an extension value')
  parts.end('an extension')
  const critical = flag !== undefined && booleanValue(flag, 'an extension')
  // DER leaves a DEFAULT value out (X.690, 11.5).
  if (flag !== undefined && !critical)
    throw x509Error('x509.malformed', 'an extension says FALSE where DER says nothing')
  return { oid, critical, value }
}

/** BasicConstraints. Throws `x509.malformed`, `der.*`. */
export function parseBasicConstraints(value: Uint8Array): { ca: boolean; pathLength?: number } {
  const parts = partsOf(readDer(value), 'basic constraints')
  const flag = parts.takeIf(0x01)
  const length = parts.takeIf(0x02)
  parts.end('basic constraints')
  const ca = flag !== undefined && booleanValue(flag, 'basic constraints')
  if (flag !== undefined && !ca) throw x509Error('x509.malformed', 'basic constraints say FALSE where DER says nothing')
  // RFC 5280, 4.2.1.9: a path length without cA means nothing.
  if (length !== undefined && !ca) throw x509Error('x509.malformed', 'a path length on a certificate that is no CA')
  return length === undefined ? { ca } : { ca, pathLength: smallInteger(length, 'a path length') }
}

/** KeyUsage: at least one bit (RFC 5280, 4.2.1.3). Throws `x509.malformed`, `der.*`. */
export function parseKeyUsage(value: Uint8Array): ReadonlySet<KeyUsage> {
  const { content } = expectTag(readDer(value), 0x03, 'key usage')
  const usages = KEY_USAGES.filter((_, bit) => ((content[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0)
  if (usages.length === 0) throw x509Error('x509.malformed', 'a key usage without usages')
  return new Set(usages)
}

/** ExtendedKeyUsage as object identifiers, at least one. Throws `der.*`. */
export function parseExtendedKeyUsage(value: Uint8Array): readonly string[] {
  return sequenceOf(readDer(value), 'extended key usage', 1, 100).map((node) => oidValue(node, 'extended key usage'))
}

/** SubjectKeyIdentifier. Throws `der.*`. */
export function parseSubjectKeyIdentifier(value: Uint8Array): Uint8Array {
  return octets(readDer(value), 'a subject key identifier')
}

/** The key identifier of an AuthorityKeyIdentifier; undefined where it names the issuer otherwise. Throws `der.*`. */
export function parseAuthorityKeyIdentifier(value: Uint8Array): Uint8Array | undefined {
  return sequenceOf(readDer(value), 'an authority key identifier').find(({ tag }) => tag === 0x80)?.content
}

/** The URIs of CRLDistributionPoints that are given as full names. Throws `der.*`, `x509.malformed`. */
export function parseCrlDistributionPoints(value: Uint8Array): string[] {
  return sequenceOf(readDer(value), 'CRL distribution points', 1, 100).flatMap((point) => {
    const name = partsOf(point, 'a CRL distribution point').takeIf(0xa0)
    return parseDistributionPointName(name)
  })
}

/** The URIs of a DistributionPointName under `[0]`; none where it is absent or relative. Throws `der.*`, `x509.malformed`. */
export function parseDistributionPointName(node: DerNode | undefined): string[] {
  const fullName = node?.children[0]
  if (fullName?.tag !== 0xa0) return []
  return parseGeneralNames(fullName, 'a distribution point', 0xa0)
    .filter(({ type }) => type === 'uri')
    .map(({ value }) => value)
}

/** The addresses of issuer certificates in AuthorityInformationAccess. Throws `der.*`. */
export function parseIssuerUrls(value: Uint8Array): string[] {
  return sequenceOf(readDer(value), 'authority information', 1, 100).flatMap((description) => {
    const [method, location] = sequenceOf(description, 'authority information', 2, 2)
    const isIssuer = oidValue(method, 'an access method') === '1.3.6.1.5.5.7.48.2' && location?.tag === 0x86
    return isIssuer ? [asciiText(location.content, 'an issuer address')] : []
  })
}

/** The key bits of a SubjectPublicKeyInfo, after checking its structure (RFC 5280, 4.1.2.7). Throws `der.*`. */
export function parseSpkiBits(spki: DerNode): Uint8Array {
  const parts = partsOf(spki, 'a public key')
  oidValue(parts.take(0x30, 'a key algorithm').children[0], 'a key algorithm')
  const bits = bitStringBytes(parts.takeAny('key bits'), 'key bits')
  parts.end('a public key')
  return bits
}
