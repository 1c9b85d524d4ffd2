import { type CodedError, hasCode } from '../errors/codedError.ts'
import { equalBytes } from '../json/base64.ts'
import type { Certificate } from './certificate.ts'
import { x509Error, x509Errors } from './errors.ts'
import { EXTENDED_KEY_USAGES, EXTENSION_OIDS, type Purpose } from './oids.ts'
import { isSignedBy } from './signatureAlgorithm.ts'

/** What a chain is asked to prove. */
export interface ChainRequest {
  readonly leaf: Certificate
  /** May be in any order and hold certificates that are not needed. Not trusted. */
  readonly intermediates: readonly Certificate[]
  /** Trusted as given, whoever signed them; still only within their validity and constraints. */
  readonly anchors: readonly Certificate[]
  /** The time at which every certificate of the chain must be valid. */
  readonly at: Date
  readonly purpose: Purpose
}

/** Issuers above the leaf, the anchor included. */
const MAX_ISSUERS = 6
// A stranger's intermediates could otherwise make the search grow exponentially.
const MAX_SIGNATURE_CHECKS = 64

/**
 * Proves that `leaf` was issued for `purpose` under one of `anchors` (RFC 5280, 6.1, without policies and name
 * constraints: a critical extension that is not known here is refused). Every certificate is valid at `at`, limits to
 * `purpose` hold at every level, the leaf names `purpose` itself and is no CA. Revocation is not looked at.
 * Returns the chain, leaf first, anchor last. A pair of certificate objects that verified once is not computed again.
 * Throws `x509.not-yet-valid`, `x509.expired`, `x509.wrong-purpose`, `x509.critical-extension`, `x509.constraints`,
 * `x509.signature-wrong`, `x509.untrusted`, `x509.too-many-issuers`, `x509.key-unsupported`.
 */
export function verifyChain(request: ChainRequest): Certificate[] {
  const { leaf, at, purpose } = request
  checkValidity(leaf, at)
  checkCriticalExtensions(leaf)
  checkLeafPurpose(leaf, purpose)
  return findPath([leaf], request, { checksLeft: MAX_SIGNATURE_CHECKS })
}

/** Extends `path` by an issuer until an anchor is reached; where several could be, the first that works. */
function findPath(path: readonly Certificate[], request: ChainRequest, budget: { checksLeft: number }): Certificate[] {
  let failure: CodedError | undefined
  for (const { issuer, trusted } of possibleIssuers(path, request)) {
    try {
      checkIssuer(path, issuer, request)
      checkSignature(path[path.length - 1] as Certificate, issuer, budget)
      const longer = [...path, issuer]
      return trusted ? longer : findPath(longer, request, budget)
    } catch (error) {
      // The most telling reason is the first one that is not "leads nowhere".
      if (!isChainError(error)) throw error
      if (failure === undefined || hasCode(failure, 'x509.untrusted')) failure = error
    }
  }
  throw failure ?? x509Error('x509.untrusted', 'no trusted certificate issued this one')
}

function isChainError(error: unknown): error is CodedError {
  return Object.keys(x509Errors).some((code) => hasCode(error, code))
}

function possibleIssuers(path: readonly Certificate[], { anchors, intermediates }: ChainRequest) {
  const child = path[path.length - 1] as Certificate
  // A root that is not an anchor leads nowhere, even where an anchor has its name.
  if (path.length > MAX_ISSUERS || equalBytes(child.subject, child.issuer)) return []
  const untrusted = path.length < MAX_ISSUERS ? intermediates.filter((issuer) => !path.includes(issuer)) : []
  return [
    ...anchors.filter((issuer) => couldHaveIssued(issuer, child)).map((issuer) => ({ issuer, trusted: true })),
    ...untrusted.filter((issuer) => couldHaveIssued(issuer, child)).map((issuer) => ({ issuer, trusted: false })),
  ]
}

/** Whether names and, where both are given, key identifiers fit. Only a hint of where to look: nothing is proved. */
function couldHaveIssued(issuer: Certificate, child: Certificate): boolean {
  if (!equalBytes(issuer.subject, child.issuer)) return false
  const { subjectKeyId } = issuer
  const { authorityKeyId } = child
  return subjectKeyId === undefined || authorityKeyId === undefined || equalBytes(subjectKeyId, authorityKeyId)
}

/** Whether `issuer` may issue the last certificate of `path` at that time for that purpose. */
function checkIssuer(path: readonly Certificate[], issuer: Certificate, { at, purpose }: ChainRequest): void {
  checkValidity(issuer, at)
  checkCriticalExtensions(issuer)
  // RFC 5280, 6.1.4 (k) to (n): cA, pathLenConstraint, keyCertSign.
  const { basicConstraints, keyUsage, extendedKeyUsage } = issuer
  if (basicConstraints?.ca !== true) throw x509Error('x509.constraints', 'the issuer is not a certificate authority')
  const authoritiesBelow = path.length - 1
  if (authoritiesBelow > (basicConstraints.pathLength ?? MAX_ISSUERS)) {
    throw x509Error('x509.constraints', 'more authorities follow than the issuer was allowed')
  }
  if (keyUsage !== undefined && !keyUsage.has('keyCertSign')) {
    throw x509Error('x509.constraints', 'the key of the issuer may not sign certificates')
  }
  // An extended key usage on an authority limits everything below it.
  if (extendedKeyUsage !== undefined && !extendedKeyUsage.includes(EXTENDED_KEY_USAGES[purpose])) {
    throw x509Error('x509.wrong-purpose', `the issuer may not issue certificates for ${purpose}`)
  }
}

// Written so that an invalid Date, whose comparisons are all false, is refused.
function checkValidity(certificate: Certificate, at: Date): void {
  const time = at.getTime()
  if (!(certificate.notBefore.getTime() <= time)) {
    throw x509Error('x509.not-yet-valid', 'a certificate of the chain was not yet valid at that time')
  }
  if (!(time <= certificate.notAfter.getTime())) {
    throw x509Error('x509.expired', 'a certificate of the chain had expired at that time')
  }
}

const understood: ReadonlySet<string> = new Set([
  EXTENSION_OIDS.basicConstraints,
  EXTENSION_OIDS.keyUsage,
  EXTENSION_OIDS.extendedKeyUsage,
  EXTENSION_OIDS.subjectAltName,
  EXTENSION_OIDS.subjectKeyIdentifier,
  EXTENSION_OIDS.authorityKeyIdentifier,
])

function checkCriticalExtensions(certificate: Certificate): void {
  for (const { oid, critical } of certificate.extensions) {
    if (critical && !understood.has(oid)) {
      throw x509Error('x509.critical-extension', 'a critical extension is not known here', { detail: { oid } })
    }
  }
}

function checkLeafPurpose(leaf: Certificate, purpose: Purpose): void {
  if (leaf.basicConstraints?.ca === true) {
    throw x509Error('x509.wrong-purpose', 'an authority certificate is used as an end certificate')
  }
  if (leaf.keyUsage !== undefined && !leaf.keyUsage.has('digitalSignature')) {
    throw x509Error('x509.wrong-purpose', 'the key of the certificate may not make signatures')
  }
  if (leaf.extendedKeyUsage?.includes(EXTENDED_KEY_USAGES[purpose]) !== true) {
    throw x509Error('x509.wrong-purpose', `the certificate is not for ${purpose}`)
  }
  // RFC 3161, 2.3: this usage alone, and critical.
  if (purpose === 'timeStamping' && !isOnlyCriticalUsage(leaf)) {
    throw x509Error('x509.wrong-purpose', 'time stamping is not the only, critical usage of the certificate')
  }
}

function isOnlyCriticalUsage(leaf: Certificate): boolean {
  const extension = leaf.extensions.find(({ oid }) => oid === EXTENSION_OIDS.extendedKeyUsage)
  return leaf.extendedKeyUsage?.length === 1 && extension?.critical === true
}

// Signatures that verified, by issuer then certificate. Sound because parsed certificates are never written into.
const verifiedBy = new WeakMap<Certificate, WeakSet<Certificate>>()

function checkSignature(child: Certificate, issuer: Certificate, budget: { checksLeft: number }): void {
  if (--budget.checksLeft < 0) throw x509Error('x509.too-many-issuers', 'too many certificates could be the issuer')
  const verified = verifiedBy.get(issuer) ?? new WeakSet()
  if (verified.has(child)) return
  verifyIssuedBy(child, issuer)
  verifiedBy.set(issuer, verified.add(child))
}

/**
 * Proves only that the key of `issuer` signed `certificate`; whether it was allowed to is `verifyChain`'s business.
 * Throws `x509.signature-wrong`, `x509.key-unsupported`.
 */
export function verifyIssuedBy(certificate: Certificate, issuer: Certificate): void {
  const { signatureAlgorithm, tbs, signature } = certificate
  if (!isSignedBy(issuer.publicKey, signatureAlgorithm, tbs, signature)) {
    throw x509Error('x509.signature-wrong', 'the certificate is not signed by the key of its issuer')
  }
}
