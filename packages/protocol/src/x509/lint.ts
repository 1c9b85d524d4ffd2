import { equalBytes } from '../json/base64.ts'
import type { Certificate } from './certificate.ts'
import { CERTIFICATION_OID, readCertificationExtension } from './certification.ts'
import { x509Error } from './errors.ts'
import { type KeyUsage, keyIdentifier } from './extensions.ts'
import { FULCIO_ARC, readFulcioClaims, readIdentity } from './fulcio.ts'
import { EXTENDED_KEY_USAGES, EXTENSION_OIDS, type Purpose } from './oids.ts'
import { isSignedBy } from './signatureAlgorithm.ts'
import { VALIDATORS_PATH, validatorName } from './validatorName.ts'

/** One sentence that must be true of a certificate under its issuer. */
type Rule = readonly [sentence: string, holds: (certificate: Certificate, issuer: Certificate) => boolean]

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/**
 * Checks an identity certificate, or its precertificate, against the Fulcio profile (`certificate-specification.md`)
 * and what this project adds: a CRL and an issuer address. Run it before anything leaves the authority.
 * Throws `x509.profile` with the rule in `detail.rule`.
 */
export function lintIdentityCertificate(certificate: Certificate, issuer: Certificate): void {
  check(identityRules, certificate, issuer)
}

/**
 * Checks the certificate of one certification, or its precertificate: the profile of identity certificates with a number
 * and digests, for a validator and for as long as the certification. Throws `x509.profile` with the rule in `detail.rule`.
 */
export function lintCertificationCertificate(certificate: Certificate, issuer: Certificate): void {
  check(certificationRules, certificate, issuer)
}

/** Checks an issuing authority's certificate, limited to `purpose`, under its root. Throws `x509.profile`. */
export function lintIssuingCertificate(certificate: Certificate, issuer: Certificate, purpose: Purpose): void {
  check([...issuingRules, usageRule([purpose], false)], certificate, issuer)
}

/** Checks a self-signed root. Throws `x509.profile`. */
export function lintRootCertificate(certificate: Certificate): void {
  check(rootRules, certificate, certificate)
}

/** Checks the certificate of a timestamp authority (RFC 3161, 2.3) under its issuing authority. Throws `x509.profile`. */
export function lintTimestampCertificate(certificate: Certificate, issuer: Certificate): void {
  check(timestampRules, certificate, issuer)
}

/** Checks a TLS server certificate under its issuing authority. Throws `x509.profile`. */
export function lintTlsCertificate(certificate: Certificate, issuer: Certificate): void {
  check(tlsRules, certificate, issuer)
}

function check(rules: readonly Rule[], certificate: Certificate, issuer: Certificate): void {
  const broken = rules.find(([, holds]) => !holds(certificate, issuer))
  if (broken === undefined) return
  throw x509Error('x509.profile', `the certificate breaks the rule: ${broken[0]}`, { detail: { rule: broken[0] } })
}

function extensionOf(certificate: Certificate, oid: string) {
  return certificate.extensions.find((extension) => extension.oid === oid)
}

function isCritical(certificate: Certificate, oid: string): boolean {
  return extensionOf(certificate, oid)?.critical === true
}

function lifetimeMs({ notBefore, notAfter }: Certificate): number {
  return notAfter.getTime() - notBefore.getTime()
}

/** Whether `read` finds what it looks for; whatever is wrong otherwise, a rule is broken. */
function succeeds(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    return false
  }
}

function hasExactly<T>(found: Iterable<T> | undefined, wanted: readonly T[]): boolean {
  const values = new Set(found ?? [])
  return values.size === wanted.length && wanted.every((value) => values.has(value))
}

function keyUsageRule(usages: readonly KeyUsage[]): Rule {
  return [
    `the key usage is critical and exactly ${usages.join(', ')}`,
    (certificate) => isCritical(certificate, EXTENSION_OIDS.keyUsage) && hasExactly(certificate.keyUsage, usages),
  ]
}

function usageRule(purposes: readonly Purpose[], critical: boolean): Rule {
  const wanted = purposes.map((purpose) => EXTENDED_KEY_USAGES[purpose])
  return [
    `the extended key usage is ${critical ? '' : 'not '}critical and exactly ${purposes.join(', ')}`,
    (certificate) =>
      hasExactly(certificate.extendedKeyUsage, wanted) &&
      isCritical(certificate, EXTENSION_OIDS.extendedKeyUsage) === critical,
  ]
}

function lifetimeRule(maxMs: number, words: string): Rule {
  return [
    `it is valid for ${words} at most`,
    (certificate) => lifetimeMs(certificate) > 0 && lifetimeMs(certificate) <= maxMs,
  ]
}

function isPlainHttp(url: string): boolean {
  return URL.parse(url)?.protocol === 'http:'
}

const everyRules: readonly Rule[] = [
  // 12 random bytes are more than the 64 bits that are asked for; 160 with the sign is the most that is allowed.
  ['the serial number has 12 to 20 bytes', ({ serial }) => serial.length >= 12 && serialOctets(serial) <= 20],
  ['the key is of a supported kind', (certificate) => succeeds(() => certificate.publicKey)],
  ['the issuer is named as it names itself', ({ issuer }, authority) => equalBytes(issuer, authority.subject)],
  [
    'the subject key identifier is that of the key',
    ({ subjectKeyId, spki }) => subjectKeyId !== undefined && equalBytes(subjectKeyId, keyIdentifier(spki)),
  ],
  [
    'the key of the issuer made the signature',
    ({ signatureAlgorithm, tbs, signature }, issuer) =>
      isSignedBy(issuer.publicKey, signatureAlgorithm, tbs, signature),
  ],
]

function serialOctets(serial: Uint8Array): number {
  return serial.length + ((serial[0] ?? 0) >= 0x80 ? 1 : 0)
}

const issuedRules: readonly Rule[] = [
  ...everyRules,
  [
    'the authority key identifier is the subject key identifier of the issuer',
    ({ authorityKeyId }, { subjectKeyId }) =>
      authorityKeyId !== undefined && subjectKeyId !== undefined && equalBytes(authorityKeyId, subjectKeyId),
  ],
  [
    'it lies within the validity of its issuer',
    ({ notBefore, notAfter }, issuer) => notBefore >= issuer.notBefore && notAfter <= issuer.notAfter,
  ],
  [
    'its addresses are plain HTTP, at most one of each kind',
    ({ crlUrls, issuerUrls }) =>
      crlUrls.length <= 1 && issuerUrls.length <= 1 && [...crlUrls, ...issuerUrls].every(isPlainHttp),
  ],
]

const leafRules: readonly Rule[] = [
  ...issuedRules,
  ['it is no authority', ({ basicConstraints }) => basicConstraints?.ca !== true],
  keyUsageRule(['digitalSignature']),
]

const signerExtensions: readonly string[] = [
  EXTENSION_OIDS.keyUsage,
  EXTENSION_OIDS.extendedKeyUsage,
  EXTENSION_OIDS.subjectKeyIdentifier,
  EXTENSION_OIDS.authorityKeyIdentifier,
  EXTENSION_OIDS.subjectAltName,
  EXTENSION_OIDS.crlDistributionPoints,
  EXTENSION_OIDS.authorityInformationAccess,
  EXTENSION_OIDS.sctList,
  EXTENSION_OIDS.precertificatePoison,
]

/** What Fulcio's profile asks of every certificate that signs for an identity. */
const signerRules: readonly Rule[] = [
  ...leafRules,
  ['the subject is empty', ({ subject }) => subject.length === 2],
  ['it names exactly one identity and its issuer', (certificate) => succeeds(() => readIdentity(certificate))],
  ['the alternative name is critical', (certificate) => isCritical(certificate, EXTENSION_OIDS.subjectAltName)],
  usageRule(['codeSigning'], false),
  ['it has one CRL and one issuer address', ({ crlUrls, issuerUrls }) => crlUrls.length + issuerUrls.length === 2],
  ['no claim is critical', ({ extensions }) => !extensions.some(({ oid, critical }) => isClaim(oid) && critical)],
  ['the issuer claim stands in both forms', (certificate) => ['.1', '.8'].every((n) => hasClaim(certificate, n))],
  ['the SCT list, or in its place the poison, stands last', endsWithPromise],
]

const identityRules: readonly Rule[] = [
  ...signerRules,
  lifetimeRule(HOUR_MS / 6, '10 minutes'),
  extensionsRule(signerExtensions),
  // The issuer of validators ends so: an identity under it would read as a validator.
  ['it is not that of a validator', (certificate) => !readIdentity(certificate).issuer.endsWith(VALIDATORS_PATH)],
]

const certificationRules: readonly Rule[] = [
  ...signerRules,
  lifetimeRule(400 * DAY_MS, '400 days'),
  extensionsRule([...signerExtensions, CERTIFICATION_OID]),
  ['it carries a certification number and digests', (certificate) => succeeds(() => requireMark(certificate))],
  ['its key is on P-256', ({ publicKey }) => publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1'],
  ['it names a validator under its issuer', namesValidator],
  [
    'its only other claim is who operates the validator',
    ({ extensions }) => extensions.filter(({ oid }) => isClaim(oid)).every(({ oid }) => certificationClaims.has(oid)),
  ],
  [
    'it says who operates the validator',
    (certificate) => OPERATORS.has(readFulcioClaims(certificate).runnerEnvironment),
  ],
]

const OPERATORS: ReadonlySet<string | undefined> = new Set(['same-operator', 'other-operator'])
const certificationClaims: ReadonlySet<string> = new Set(['.1', '.8', '.11'].map((number) => FULCIO_ARC + number))

function extensionsRule(allowed: readonly string[]): Rule {
  return [
    'it has no extensions but those of the profile',
    ({ extensions }) => extensions.every(({ oid }) => allowed.includes(oid) || isClaim(oid)),
  ]
}

function requireMark(certificate: Certificate): void {
  if (readCertificationExtension(certificate) === undefined) throw x509Error('x509.profile', 'there is no number')
}

function namesValidator(certificate: Certificate): boolean {
  const { issuer, subject, subjectType } = readIdentity(certificate)
  return subjectType === 'uri' && validatorName(subject)?.issuer === issuer
}

function isClaim(oid: string): boolean {
  return oid.startsWith(`${FULCIO_ARC}.`)
}

function hasClaim(certificate: Certificate, suffix: string): boolean {
  return extensionOf(certificate, FULCIO_ARC + suffix) !== undefined
}

function endsWithPromise({ extensions }: Certificate): boolean {
  const kinds: readonly string[] = [EXTENSION_OIDS.sctList, EXTENSION_OIDS.precertificatePoison]
  const promises = extensions.filter(({ oid }) => kinds.includes(oid))
  const last = extensions[extensions.length - 1]
  return promises.length === 1 && last === promises[0]
}

const timestampRules: readonly Rule[] = [
  ...leafRules,
  ['the subject has a name', ({ subject }) => subject.length > 2],
  usageRule(['timeStamping'], true),
  // The longest that the CA/Browser Forum allows for a timestamp certificate: 135 months.
  lifetimeRule(135 * 31 * DAY_MS, '135 months'),
]

const tlsRules: readonly Rule[] = [
  ...leafRules,
  lifetimeRule(398 * DAY_MS, '398 days'),
  usageRule(['serverAuth'], false),
  [
    'it names at least one host or address and nothing else',
    ({ subjectAltNames }) =>
      subjectAltNames.length > 0 && subjectAltNames.every(({ type }) => type === 'dns' || type === 'ip'),
  ],
]

const authorityRules: readonly Rule[] = [
  ['the subject has a name', ({ subject }) => subject.length > 2],
  [
    'the basic constraints are critical and say that it is an authority',
    (certificate) =>
      isCritical(certificate, EXTENSION_OIDS.basicConstraints) && certificate.basicConstraints?.ca === true,
  ],
  keyUsageRule(['keyCertSign', 'cRLSign']),
]

const issuingRules: readonly Rule[] = [
  ...issuedRules,
  ...authorityRules,
  ['no authority may follow', ({ basicConstraints }) => basicConstraints?.pathLength === 0],
]

const rootRules: readonly Rule[] = [
  ...everyRules,
  ...authorityRules,
  ['it has no extended key usage', ({ extendedKeyUsage }) => extendedKeyUsage === undefined],
]
