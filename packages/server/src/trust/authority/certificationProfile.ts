import { certificationExtension } from '@countersign/protocol/x509/certification.ts'
import { lintCertificationCertificate } from '@countersign/protocol/x509/lint.ts'
import { type TrustFacts, validatorsUrl } from '../facts.ts'
import type { CertificateProfile } from './certificateProfiles.ts'
import type { Issuer } from './issuers.ts'
import { type LeafTemplate, leafProfile, leafTemplate, wholeSecond } from './leafTemplate.ts'

/** The longest that a certification counts. Its certificate is valid exactly as long. */
export const MAX_CERTIFICATION_DAYS = 400

/** Who certifies. */
export interface CertifyingValidator {
  readonly name: string
  /** Whether the operator of the instance runs it too; each of its certificates says so. */
  readonly sameOperator: boolean
}

/** One certification as its certificate will name it. */
export interface CertificationSubject {
  readonly validator: CertifyingValidator
  readonly number: bigint
  /** Of the artifact, 32 bytes. */
  readonly digest: Uint8Array
  readonly spki: Uint8Array
  readonly notAfter: Date
}

/** Prepares what certificates of certifications by one issuer share. */
export function certificationTemplate(issuer: Issuer, facts: TrustFacts): LeafTemplate {
  return leafTemplate(issuer, facts, lintCertificationCertificate)
}

/** The identity of a validator: the URI that its certificates name. */
export function validatorUri(facts: TrustFacts, name: string): string {
  return `${validatorsUrl(facts)}/${name}`
}

/** The certificate of one certification (design 1): number and digest in an extension, from `now` (whole seconds) on. */
export function certificationProfile(
  template: LeafTemplate,
  facts: TrustFacts,
  { validator, number, digest, spki, notAfter }: CertificationSubject,
  now: Date,
): CertificateProfile {
  const runnerEnvironment = validator.sameOperator ? 'same-operator' : 'other-operator'
  const subject = {
    san: { type: 'uri', value: validatorUri(facts, validator.name) },
    claims: { issuer: validatorsUrl(facts), runnerEnvironment },
    spki,
    extensions: [certificationExtension({ number, digests: [digest] })],
  } as const
  return leafProfile(template, subject, { notBefore: wholeSecond(now), notAfter })
}
