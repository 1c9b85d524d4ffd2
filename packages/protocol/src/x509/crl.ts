import {
  bitStringBytes,
  integerValue,
  partsOf,
  positiveIntegerBytes,
  smallInteger,
  timeValue,
} from '../der/derValues.ts'
import { type DerNode, readDer } from '../der/readDer.ts'
import { translateDerErrors } from '../der/translateDerErrors.ts'
import { asciiBytes, bitString, explicit, generalizedTime, integer, sequence, tagged, time } from '../der/writeDer.ts'
import type { CodedError } from '../errors/codedError.ts'
import { equalBytes } from '../json/base64.ts'
import type { Certificate } from './certificate.ts'
import { x509Error } from './errors.ts'
import { authorityKeyIdentifier, type Extension, writeExtensions } from './extensions.ts'
import { checkName } from './name.ts'
import { EXTENSION_OIDS } from './oids.ts'
import { parseAuthorityKeyIdentifier, parseDistributionPointName, parseExtensions } from './readExtensions.ts'
import {
  algorithmIdentifier,
  isSignedBy,
  parseAlgorithmIdentifier,
  type SignatureAlgorithm,
} from './signatureAlgorithm.ts'

/**
 * Why a certificate is on a list, with the numbers of RFC 5280, 5.3.1. `unspecified` is written as no reason at all.
 * Holds are never written: suspension is forbidden for code signing.
 */
export const CRL_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const

/** One reason by name. */
export type CrlReason = keyof typeof CRL_REASONS

/** One certificate on a list. */
export interface CrlEntry {
  /** Big-endian, without leading zeros. */
  readonly serial: Uint8Array
  readonly revocationDate: Date
  /**
   * Since when the key or claim is not to be relied on. Always give it, equal to `revocationDate`: some verifiers
   * compare only this one with a signature's timestamp, others only the other.
   */
  readonly invalidityDate?: Date
  readonly reason?: CrlReason
}

/** Which certificates a list covers: end certificates or authorities, never both on one list written here. */
export type CrlScope = 'leaves' | 'authorities'

/** Everything a list says, apart from its signature. */
export interface TbsCertList {
  /** DER Name of the issuer. */
  readonly issuer: Uint8Array
  readonly thisUpdate: Date
  readonly nextUpdate: Date
  /** Rises with every list of the same address (RFC 5280, 5.2.3); at most 20 bytes. */
  readonly number: bigint
  readonly entries: readonly CrlEntry[]
  /** Exactly the address in the certificates that this list covers, so that no shard can stand in for another. */
  readonly distributionPointUrl: string
  /** Subject key identifier of the issuer. */
  readonly authorityKeyId: Uint8Array
  readonly signatureAlgorithm: SignatureAlgorithm
  /** `leaves` where not given. */
  readonly scope?: CrlScope
}

/** TBSCertList, version 2 (RFC 5280, 5.1): the bytes to sign. Throws `der.unwritable`. */
export function writeTbsCertList(list: TbsCertList): Uint8Array {
  // An empty list leaves revokedCertificates out (RFC 5280, 5.1.2.6).
  const entries = list.entries.length === 0 ? [] : [sequence(...list.entries.map(writeEntry))]
  const extensions = [
    authorityKeyIdentifier(list.authorityKeyId),
    { oid: EXTENSION_OIDS.crlNumber, critical: false, value: integer(list.number) },
    issuingDistributionPoint(list.distributionPointUrl, list.scope ?? 'leaves'),
  ]
  return sequence(
    integer(1),
    algorithmIdentifier(list.signatureAlgorithm),
    list.issuer,
    time(list.thisUpdate),
    time(list.nextUpdate),
    ...entries,
    explicit(0, writeExtensions(extensions)),
  )
}

function writeEntry({ serial, revocationDate, invalidityDate, reason }: CrlEntry): Uint8Array {
  const extensions: Extension[] = []
  if (reason !== undefined && reason !== 'unspecified') {
    const value = tagged(0x0a, Uint8Array.of(CRL_REASONS[reason]))
    extensions.push({ oid: EXTENSION_OIDS.reasonCode, critical: false, value })
  }
  if (invalidityDate !== undefined) {
    // Always GeneralizedTime, other than all times around it (RFC 5280, 5.3.2).
    extensions.push({ oid: EXTENSION_OIDS.invalidityDate, critical: false, value: generalizedTime(invalidityDate) })
  }
  const parts = [integer(serial), time(revocationDate)]
  return extensions.length === 0 ? sequence(...parts) : sequence(...parts, writeExtensions(extensions))
}

/** IssuingDistributionPoint, critical (RFC 5280, 5.2.5). */
function issuingDistributionPoint(url: string, scope: CrlScope): Extension {
  const name = explicit(0, explicit(0, tagged(0x86, asciiBytes(url))))
  const only = tagged(scope === 'leaves' ? 0x81 : 0x82, Uint8Array.of(0xff))
  return { oid: EXTENSION_OIDS.issuingDistributionPoint, critical: true, value: sequence(name, only) }
}

/** The list of a signed `tbs`; `signature` over exactly these bytes, ECDSA in DER. */
export function assembleCrl(
  tbs: Uint8Array,
  signatureAlgorithm: SignatureAlgorithm,
  signature: Uint8Array,
): Uint8Array {
  return sequence(tbs, algorithmIdentifier(signatureAlgorithm), bitString(signature))
}

/** A list that was read completely but not verified: see `verifyCrl`. Byte arrays share memory with the input. */
export interface Crl {
  readonly raw: Uint8Array
  readonly tbs: Uint8Array
  /** DER Name. */
  readonly issuer: Uint8Array
  readonly thisUpdate: Date
  readonly nextUpdate: Date
  readonly number: bigint
  readonly entries: readonly CrlEntry[]
  /** Of the IssuingDistributionPoint; undefined where the list covers every address. */
  readonly distributionPointUrl?: string
  /** Undefined where the list covers all certificates of its issuer. */
  readonly scope?: CrlScope
  readonly authorityKeyId?: Uint8Array
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly signature: Uint8Array
}

// 32 MiB is what other verifiers accept too; an entry with both dates and a reason has 14 nodes in about 70 bytes.
const CRL_LIMITS = { maxBytes: 32 << 20, maxNodes: 8_000_000 } as const

/**
 * Reads a version 2 list with number and next update (RFC 5280, 5), at most 32 MiB. Delta lists, indirect lists and
 * lists of some reasons only are refused. Nothing is verified.
 * Throws `x509.crl-malformed`, `x509.critical-extension`, `x509.algorithm-unsupported`.
 */
export function parseCrl(der: Uint8Array): Crl {
  return translateDerErrors(malformedCrl, () => readCrl(der))
}

function malformedCrl(cause: CodedError): CodedError {
  return x509Error('x509.crl-malformed', `the list is malformed: ${cause.message}`, { cause })
}

function readCrl(der: Uint8Array): Crl {
  const parts = partsOf(readDer(der, CRL_LIMITS), 'a list')
  const tbs = parts.take(0x30, 'the signed part')
  const signatureAlgorithm = parseAlgorithmIdentifier(parts.take(0x30, 'the signature algorithm'))
  const signature = bitStringBytes(parts.takeAny('the signature'), 'the signature')
  parts.end('a list')
  return { raw: der, tbs: tbs.raw, signatureAlgorithm, signature, ...readTbsCertList(tbs, signatureAlgorithm) }
}

function readTbsCertList(tbs: DerNode, outerAlgorithm: SignatureAlgorithm) {
  const parts = partsOf(tbs, 'the signed part')
  if (smallInteger(parts.takeAny('the version'), 'the version') !== 1) {
    throw x509Error('x509.crl-malformed', 'only version 2 lists are read')
  }
  if (parseAlgorithmIdentifier(parts.take(0x30, 'the signature algorithm')) !== outerAlgorithm) {
    throw x509Error('x509.crl-malformed', 'the two signature algorithms differ')
  }
  const issuer = parts.take(0x30, 'the issuer')
  checkName(issuer)
  const thisUpdate = timeValue(parts.takeAny('thisUpdate'), 'thisUpdate')
  const nextUpdate = timeValue(parts.takeAny('nextUpdate'), 'nextUpdate')
  const entries = (parts.takeIf(0x30)?.children ?? []).map(readEntry)
  const extensions = parseExtensions(parts.take(0xa0, 'the extensions').children[0])
  parts.end('the signed part')
  return { issuer: issuer.raw, thisUpdate, nextUpdate, entries, ...readListExtensions(extensions) }
}

function readEntry(node: DerNode): CrlEntry {
  const parts = partsOf(node, 'an entry')
  const serial = positiveIntegerBytes(parts.takeAny('a serial number'), 'a serial number')
  const revocationDate = timeValue(parts.takeAny('a revocation date'), 'a revocation date')
  const extensions = parts.takeIf(0x30)
  parts.end('an entry')
  return { serial, revocationDate, ...(extensions === undefined ? {} : readEntryExtensions(extensions)) }
}

function readEntryExtensions(node: DerNode): Pick<CrlEntry, 'invalidityDate' | 'reason'> {
  const found: { invalidityDate?: Date; reason?: CrlReason } = {}
  for (const { oid, critical, value } of parseExtensions(node)) {
    if (oid === EXTENSION_OIDS.reasonCode) found.reason = readReason(value)
    else if (oid === EXTENSION_OIDS.invalidityDate) {
      found.invalidityDate = timeValue(readDer(value), 'an invalidity date')
    } else if (critical) throw x509Error('x509.critical-extension', 'an entry has an unknown critical extension')
  }
  return found
}

const reasonNames = new Map(Object.entries(CRL_REASONS).map(([name, code]) => [code as number, name as CrlReason]))

function readReason(value: Uint8Array): CrlReason {
  const reason = reasonNames.get(smallInteger(readDer(value), 'a reason', 0x0a))
  if (reason === undefined) throw x509Error('x509.crl-malformed', 'an entry has a reason that does not exist')
  return reason
}

function readListExtensions(extensions: readonly Extension[]) {
  let number: bigint | undefined
  let found: Pick<Crl, 'authorityKeyId' | 'distributionPointUrl' | 'scope'> = {}
  for (const { oid, critical, value } of extensions) {
    if (oid === EXTENSION_OIDS.crlNumber) number = integerValue(readDer(value), 'a list number')
    else if (oid === EXTENSION_OIDS.issuingDistributionPoint) found = { ...found, ...readDistributionPoint(value) }
    else if (oid === EXTENSION_OIDS.authorityKeyIdentifier) {
      const authorityKeyId = parseAuthorityKeyIdentifier(value)
      found = authorityKeyId === undefined ? found : { ...found, authorityKeyId }
    } else if (critical) throw x509Error('x509.critical-extension', 'the list has an unknown critical extension')
  }
  if (number === undefined || number < 0n) throw x509Error('x509.crl-malformed', 'the list has no number')
  return { number, ...found }
}

function readDistributionPoint(value: Uint8Array): Pick<Crl, 'distributionPointUrl' | 'scope'> {
  const parts = partsOf(readDer(value), 'an issuing distribution point')
  const [url] = parseDistributionPointName(parts.takeIf(0xa0))
  const onlyLeaves = parts.takeIf(0x81)
  const onlyAuthorities = parts.takeIf(0x82)
  // What is left: some reasons only, indirect, attribute certificates.
  parts.end('an issuing distribution point')
  if (onlyLeaves !== undefined && onlyAuthorities !== undefined) {
    throw x509Error('x509.crl-malformed', 'the list covers nothing')
  }
  const scope = onlyLeaves !== undefined ? 'leaves' : onlyAuthorities !== undefined ? 'authorities' : undefined
  return {
    ...(url === undefined ? {} : { distributionPointUrl: url }),
    ...(scope === undefined ? {} : { scope }),
  }
}

/**
 * Proves that `issuer` made `crl` and may make lists. That `issuer` itself is trusted, that the list is of the expected
 * address, and that `nextUpdate` has not passed, is the caller's business.
 * Throws `x509.crl-wrong-issuer`, `x509.crl-signature-wrong`, `x509.key-unsupported`.
 */
export function verifyCrl(crl: Crl, issuer: Certificate): void {
  if (!equalBytes(crl.issuer, issuer.subject)) {
    throw x509Error('x509.crl-wrong-issuer', 'the list names another issuer')
  }
  // RFC 5280, 6.3.3 (f)
  if (issuer.keyUsage !== undefined && !issuer.keyUsage.has('cRLSign')) {
    throw x509Error('x509.crl-wrong-issuer', 'the key of the issuer may not sign lists')
  }
  if (!isSignedBy(issuer.publicKey, crl.signatureAlgorithm, crl.tbs, crl.signature)) {
    throw x509Error('x509.crl-signature-wrong', 'the list is not signed by the key of its issuer')
  }
}
