import type { Clock } from '@countersign/local/clock/clock.ts'
import type { SigningCertificateBody } from '@countersign/protocol/api/authority.ts'
import { refusedCaller } from '@countersign/protocol/errors/codedError.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import type { Identity } from '../../account/identities/identity.ts'
import { trustError } from '../errors.ts'
import { type TrustFacts, validatorsUrl } from '../facts.ts'
import { type CompleteDeps, completeCertificate } from './completeCertificate.ts'
import { identityProfile } from './identityProfile.ts'
import { readIdentityRequest, requirePossession } from './identityRequest.ts'
import type { LeafTemplate } from './leafTemplate.ts'
import { recordIntent } from './recordIntent.ts'

/** What issuing identity certificates stands on. */
export interface IdentityAuthority extends CompleteDeps {
  readonly facts: TrustFacts
  readonly clock: Clock
  /** The issuing authority for identities, prepared. */
  readonly template: LeafTemplate
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
 * certificate is logged and recorded. A crash after the intent is repaired by `finishIntents`.
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
    const { template, store, clock } = authority
    const { san, claims } = identity
    const now = clock.now()
    const profile = identityProfile(template, { san, claims, spki: request.key.spki }, now)
    const who = { issuer: claims.issuer, subject: san.value }
    const intent = await recordIntent(store, template, { profile, identity: who }, now)
    const certificate = await completeCertificate(authority, template, intent)
    return [toPem(certificate), ...template.chainPem]
  } catch (error) {
    throw refusedCaller(error, { issuer: identity.claims.issuer, subject: identity.san.value })
  }
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
