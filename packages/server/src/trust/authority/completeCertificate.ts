import { createHash } from 'node:crypto'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import { leafIndexExtension, sctListExtension, sctSignedInput } from '@countersign/protocol/x509/sct.ts'
import type { Appended, TransparencyLog } from '../../log/transparencyLog.ts'
import { certificateEntry } from './certificateEntry.ts'
import { type CertificateProfile, signCertificate } from './certificateProfiles.ts'
import type { CertificateStore } from './certificateStore.ts'
import type { LeafTemplate } from './leafTemplate.ts'

/** What turns a recorded intent into a certificate. */
export interface CompleteDeps {
  /** The certificate log. */
  readonly log: Pick<TransparencyLog, 'append'>
  /** The key of the certificate log: ECDSA P-256, the only kind that all clients take. */
  readonly sctKey: SigningKey
  readonly store: CertificateStore
}

/** An intent that is durable. */
export interface RecordedIntent {
  readonly id: number
  readonly profile: CertificateProfile
  /** TBSCertificate of `profile`: without poison and SCT. */
  readonly tbs: Uint8Array
  readonly precertificate: Uint8Array
  readonly sctTimeMs: number
}

/**
 * Logs the precertificate, puts the SCT into the certificate, signs it, checks it against its profile, and records the
 * result. Called again for the same intent after a crash, it finds the same log entry. When this resolves the
 * certificate is logged, published, and recorded. Throws `x509.profile` where the certificate is not what it should be.
 */
export async function completeCertificate(
  deps: CompleteDeps,
  template: LeafTemplate,
  intent: RecordedIntent,
): Promise<Uint8Array> {
  const { issuer, issuerKeyHash } = template
  const { tbs } = intent
  const timestampMs = BigInt(intent.sctTimeMs)
  const appended = await logPrecertificate(deps, template, intent)
  const extensions = leafIndexExtension(appended.index)
  const signature = await deps.sctKey.sign(sctSignedInput({ timestampMs, issuerKeyHash, tbs, extensions }))
  const logId = createHash('sha256').update(deps.sctKey.spki).digest()
  const sct = sctListExtension([{ version: 0, logId, timestampMs, extensions, signature }])
  const der = await signCertificate({ ...intent.profile, extensions: [...intent.profile.extensions, sct] }, issuer.key)
  template.lint(parseCertificate(der), issuer.certificate)
  await deps.store.addResult({ id: intent.id, log_index: Number(appended.index), certificate: der })
  return der
}

/** Logs the precertificate of an intent; again, where it is logged already, finds the same entry. */
export function logPrecertificate(
  deps: Pick<CompleteDeps, 'log'>,
  { issuerKeyHash, chainFingerprints }: LeafTemplate,
  { sctTimeMs, precertificate, tbs }: RecordedIntent,
): Promise<Appended> {
  const timestampMs = BigInt(sctTimeMs)
  return deps.log.append(certificateEntry({ timestampMs, precertificate, tbs, issuerKeyHash, chainFingerprints }))
}
