import { lintIdentityCertificate } from '@countersign/protocol/x509/lint.ts'
import type { TrustFacts } from '../facts.ts'
import type { CertificateProfile } from './certificateProfiles.ts'
import type { Issuer } from './issuers.ts'
import { type LeafSubject, type LeafTemplate, leafProfile, leafTemplate, wholeSecond } from './leafTemplate.ts'

/** How long an identity certificate may be used to sign: Fulcio's 10 minutes. */
export const IDENTITY_LIFETIME_MS = 600_000

/** Prepares what identity certificates of one issuer share. */
export function identityTemplate(issuer: Issuer, facts: TrustFacts): LeafTemplate {
  return leafTemplate(issuer, facts, lintIdentityCertificate)
}

/** An identity certificate: 10 minutes from `now` (whole seconds). */
export function identityProfile(
  template: LeafTemplate,
  identity: Omit<LeafSubject, 'extensions'>,
  now: Date,
): CertificateProfile {
  const notBefore = wholeSecond(now)
  const notAfter = new Date(notBefore.getTime() + IDENTITY_LIFETIME_MS)
  return leafProfile(template, identity, { notBefore, notAfter })
}
