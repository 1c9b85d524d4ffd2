import type { Clock } from '@countersign/local/clock/clock.ts'
import type { SigningCertificateBody } from '@countersign/protocol/api/authority.ts'
import { refusedCaller } from '@countersign/protocol/errors/codedError.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { poisonExtension } from '@countersign/protocol/x509/sct.ts'
import { writeTbsCertificate } from '@countersign/protocol/x509/writeCertificate.ts'
import type { Identity } from '../../account/identities/identity.ts'
import { trustError } from '../errors.ts'
import { type TrustFacts, validatorsUrl } from '../facts.ts'
import { signCertificate } from './certificateProfiles.ts'
import { type CompleteDeps, completeCertificate, type RecordedIntent } from './completeCertificate.ts'
import { type IdentityTemplate, identityProfile } from './identityProfile.ts'
import { readIdentityRequest, requirePossession } from './identityRequest.ts'

/** What issuing identity certificates stands on. */
export interface IdentityAuthority extends CompleteDeps {
  readonly facts: TrustFacts
  readonly clock: Clock
  /** The issuing authority for identities, prepared. */
  readonly template: IdentityTemplate
  /** Proves who a token speaks for; throws `account.token-*`. */
  verifyToken(token: string): Promise<Identity>
}

/** A request as it came over HTTP. */
export interface SigningCertificateRequest {
  readonly body: SigningCertificateBody
  /** The `Authorization` header. */
  readonly authorization: string | undefined
}

/**
 * Issues a 10-minute identity certificate (Fulcio v2): who the token speaks for, possession of the key, the intent, the
 * log, the certificate. Resolves with the chain as PEM, the new certificate first and the root last, once the
 * certificate is logged and recorded. A crash after the intent is repaired by `repairCertificates`.
 * Throws what `readIdentityRequest` and `verifyToken` throw, `trust.possession-wrong`, `trust.identity-reserved`,
 * `trust.issuer-expiring`, and what the log throws.
 */
export async function issueIdentityCertificate(
  authority: IdentityAuthority,
  { body, authorization }: SigningCertificateRequest,
): Promise<string[]> {
  const request = readIdentityRequest(body, authorization)
  const identity = await authority.verifyToken(request.token)
  try {
    refuseReserved(authority.facts, identity)
    await requirePossession(request, identity.challenges)
    const intent = await recordIntent(authority, identity, request.key.spki)
    const certificate = await completeCertificate(authority, authority.template, intent)
    return [toPem(certificate), ...authority.template.chainPem]
  } catch (error) {
    throw refusedCaller(error, { issuer: identity.claims.issuer, subject: identity.san.value })
  }
}

/** From here on the certificate will exist: the intent fixes every byte that is logged. */
async function recordIntent(
  authority: IdentityAuthority,
  identity: Identity,
  spki: Uint8Array,
): Promise<RecordedIntent> {
  const { template, clock } = authority
  const { key, certificate } = template.issuer
  const now = clock.now()
  const profile = identityProfile(template, { san: identity.san, claims: identity.claims, spki }, now)
  if (certificate.notAfter < profile.notAfter) {
    throw trustError('trust.issuer-expiring', 'the identities authority ends before the certificate would')
  }
  const precertificate = await signCertificate(
    { ...profile, extensions: [...profile.extensions, poisonExtension()] },
    key,
  )
  const id = await authority.store.addIntent({
    serial: toHex(profile.serial),
    issuer_key_id: template.issuer.keyId,
    identity_issuer: identity.claims.issuer,
    identity_subject: identity.san.value,
    not_after_ms: profile.notAfter.getTime(),
    sct_time_ms: now.getTime(),
    precertificate,
  })
  const tbs = writeTbsCertificate({ ...profile, signatureAlgorithm: key.signatureAlgorithm })
  return { id, profile, tbs, precertificate, sctTimeMs: now.getTime() }
}

/**
 * Validators get their certificates from the certification authority only. Compared without regard to case and after
 * decoding, so that no spelling that a person or a verifier might take for one gets through.
 */
function refuseReserved(facts: TrustFacts, { san, claims }: Identity): void {
  const reserved = validatorsUrl(facts).toLowerCase()
  for (const value of [san.value, claims.issuer]) {
    const plain = plainUrl(value)
    if (plain === reserved || plain.startsWith(`${reserved}/`)) {
      throw trustError('trust.identity-reserved', 'the token speaks for an identity of a validator')
    }
  }
}

function plainUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value).href : value
  try {
    return decodeURIComponent(url).toLowerCase()
  } catch {
    return url.toLowerCase()
  }
}
