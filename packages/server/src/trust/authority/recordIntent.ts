import { toHex } from '@countersign/protocol/json/base64.ts'
import { parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import { EXTENSION_OIDS } from '@countersign/protocol/x509/oids.ts'
import { poisonExtension, tbsWithoutScts } from '@countersign/protocol/x509/sct.ts'
import { writeTbsCertificate } from '@countersign/protocol/x509/writeCertificate.ts'
import { trustError } from '../errors.ts'
import type { CertificateIntentRow } from '../trustTables.ts'
import { type CertificateProfile, signCertificate } from './certificateProfiles.ts'
import type { CertificateStore, NewCertification } from './certificateStore.ts'
import type { RecordedIntent } from './completeCertificate.ts'
import type { LeafTemplate } from './leafTemplate.ts'

/** A certificate that is about to be issued. */
export interface NewCertificate {
  readonly profile: CertificateProfile
  /** Who vouched for the identity, and the identity. */
  readonly identity: { readonly issuer: string; readonly subject: string }
  /** For the certificate of a certification: what is recorded with it, in the same transaction. */
  readonly certification?: NewCertification
}

/**
 * Writes the intent to issue a certificate. When this resolves the certificate will exist, whatever happens: the intent
 * fixes every byte that is logged. Throws `trust.issuer-expiring` where the issuer would end first.
 */
export async function recordIntent(
  store: Pick<CertificateStore, 'addIntent'>,
  template: LeafTemplate,
  { profile, identity, certification }: NewCertificate,
  now: Date,
): Promise<RecordedIntent> {
  const { key, certificate, keyId, name } = template.issuer
  if (certificate.notAfter < profile.notAfter) {
    throw trustError('trust.issuer-expiring', `the ${name} authority ends before the certificate would`)
  }
  const precertificate = await signCertificate(
    { ...profile, extensions: [...profile.extensions, poisonExtension()] },
    key,
  )
  const intent = {
    serial: toHex(profile.serial),
    issuer_key_id: keyId,
    identity_issuer: identity.issuer,
    identity_subject: identity.subject,
    not_after_ms: profile.notAfter.getTime(),
    sct_time_ms: now.getTime(),
    precertificate,
  }
  const id = await store.addIntent(intent, certification)
  const tbs = writeTbsCertificate({ ...profile, signatureAlgorithm: key.signatureAlgorithm })
  return { id, profile, tbs, precertificate, sctTimeMs: now.getTime() }
}

/** The intent as it was before a crash: the profile is what the precertificate says, without the poison. */
export function recordedIntent(row: CertificateIntentRow): RecordedIntent {
  const precertificate = new Uint8Array(row.precertificate)
  const { serial, issuer, subject, notBefore, notAfter, spki, extensions, tbs } = parseCertificate(precertificate)
  const kept = extensions.filter(({ oid }) => oid !== EXTENSION_OIDS.precertificatePoison)
  return {
    id: row.id,
    profile: { serial, issuer, subject, notBefore, notAfter, spki, extensions: kept },
    tbs: tbsWithoutScts(tbs),
    precertificate,
    sctTimeMs: row.sct_time_ms,
  }
}
