import { createHash } from 'node:crypto'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
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
import { type CertificateProfile, issuerExtensions } from './certificateProfiles.ts'
import type { Issuer } from './issuers.ts'
import { crlShard, newSerial } from './serial.ts'

/** How long an identity certificate may be used to sign: Fulcio's 10 minutes. */
export const IDENTITY_LIFETIME_MS = 600_000

/** What all identity certificates of one issuer share, written once. */
export interface IdentityTemplate {
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
}

/** Prepares what does not change from one certificate to the next. */
export function identityTemplate(issuer: Issuer, facts: TrustFacts): IdentityTemplate {
  return {
    issuer,
    issuerKeyHash: createHash('sha256').update(issuer.certificate.spki).digest(),
    chainFingerprints: issuer.chain.map(({ raw }) => createHash('sha256').update(raw).digest()),
    chainPem: issuer.chain.map(({ raw }) => toPem(raw)),
    usages: [keyUsage(['digitalSignature']), extendedKeyUsage(['codeSigning'])],
    issuerExtensions: Array.from({ length: issuer.crlShards }, (_, shard) =>
      issuerExtensions({ ...issuer, facts }, shard),
    ),
  }
}

/**
 * An identity certificate by Fulcio's profile: empty subject, one critical alternative name, the claims as extensions,
 * 10 minutes from `now` (whole seconds). Without poison and SCT, which both go to the end.
 */
export function identityProfile(
  template: IdentityTemplate,
  identity: { san: GeneralName; claims: FulcioClaims; spki: Uint8Array },
  now: Date,
): CertificateProfile {
  const { issuer } = template
  const serial = newSerial()
  const startMs = Math.floor(now.getTime() / 1000) * 1000
  return {
    serial,
    issuer: issuer.certificate.subject,
    subject: EMPTY_NAME,
    notBefore: new Date(startMs),
    notAfter: new Date(startMs + IDENTITY_LIFETIME_MS),
    spki: identity.spki,
    extensions: [
      ...template.usages,
      subjectKeyIdentifier(identity.spki),
      ...(template.issuerExtensions[crlShard(serial, issuer.crlShards)] ?? []),
      subjectAltName([identity.san], true),
      ...writeFulcioExtensions(identity.claims),
    ],
  }
}
