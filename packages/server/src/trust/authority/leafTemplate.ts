import { createHash } from 'node:crypto'
import { type Certificate, toPem } from '@countersign/protocol/x509/certificate.ts'
import {
  type Extension,
  extendedKeyUsage,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from '@countersign/protocol/x509/extensions.ts'
import { type FulcioClaims, writeFulcioExtensions } from '@countersign/protocol/x509/fulcio.ts'
import type { GeneralName } from '@countersign/protocol/x509/generalName.ts'
import { EMPTY_NAME } from '@countersign/protocol/x509/name.ts'
import type { TrustFacts } from '../facts.ts'
import { type CertificateProfile, issuerExtensions, type Validity } from './certificateProfiles.ts'
import type { Issuer } from './issuers.ts'
import { crlShard, newSerial } from './serial.ts'

/** What all logged certificates of one issuer share, written once. */
export interface LeafTemplate {
  readonly issuer: Issuer
  /** SHA-256 of the issuer's SPKI, as SCTs name the issuer. */
  readonly issuerKeyHash: Uint8Array
  /** SHA-256 of each certificate from the issuer to the root, as the certificate log names them. */
  readonly chainFingerprints: readonly Uint8Array[]
  /** The issuer and what is above it, for the answer. */
  readonly chainPem: readonly string[]
  readonly usages: readonly Extension[]
  /** By CRL shard. */
  readonly issuerExtensions: readonly (readonly Extension[])[]
  /** Checks a finished certificate, or its precertificate, against the profile of this issuer. Throws `x509.profile`. */
  lint(certificate: Certificate, issuer: Certificate): void
}

/** Who a certificate speaks for, and what else it says. */
export interface LeafSubject {
  readonly san: GeneralName
  readonly claims: FulcioClaims
  readonly spki: Uint8Array
  /** Not critical, after the claims. */
  readonly extensions?: readonly Extension[]
}

/** Prepares what does not change from one certificate to the next. */
export function leafTemplate(issuer: Issuer, facts: TrustFacts, lint: LeafTemplate['lint']): LeafTemplate {
  return {
    issuer,
    issuerKeyHash: createHash('sha256').update(issuer.certificate.spki).digest(),
    chainFingerprints: issuer.chain.map(({ raw }) => createHash('sha256').update(raw).digest()),
    chainPem: issuer.chain.map(({ raw }) => toPem(raw)),
    usages: [keyUsage(['digitalSignature']), extendedKeyUsage(['codeSigning'])],
    issuerExtensions: Array.from({ length: issuer.crlShards }, (_, shard) =>
      issuerExtensions({ ...issuer, facts }, shard),
    ),
    lint,
  }
}

/**
 * A certificate by Fulcio's profile: empty subject, one critical alternative name, the claims as extensions. Without
 * poison and SCT, which both go to the end.
 */
export function leafProfile(template: LeafTemplate, subject: LeafSubject, validity: Validity): CertificateProfile {
  const { issuer } = template
  const serial = newSerial()
  return {
    serial,
    issuer: issuer.certificate.subject,
    subject: EMPTY_NAME,
    ...validity,
    spki: subject.spki,
    extensions: [
      ...template.usages,
      subjectKeyIdentifier(subject.spki),
      ...(template.issuerExtensions[crlShard(serial, issuer.crlShards)] ?? []),
      subjectAltName([subject.san], true),
      ...writeFulcioExtensions(subject.claims),
      ...(subject.extensions ?? []),
    ],
  }
}

/** The second in which `now` lies: certificates hold whole seconds. */
export function wholeSecond(now: Date): Date {
  return new Date(Math.floor(now.getTime() / 1000) * 1000)
}
