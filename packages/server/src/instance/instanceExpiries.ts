import type { Anchors } from '../trust/anchors/openAnchors.ts'
import type { IssuerName } from '../trust/authority/issuerNames.ts'
import type { IssuerCertificate } from '../trust/authority/issuers.ts'
import type { Expiry } from './readStatus.ts'

/** Root operations take planning: somebody has to find the passphrase. */
const ROOT_WARN_DAYS = 60
/** Issuing authorities are replaced by a root operation, and must outlive what they issued. */
const ISSUING_WARN_DAYS = 180
/** A restart is all it takes. */
const SIGNER_WARN_DAYS = 60

/** Everything of a running instance that ends: certificates, TUF metadata, TLS. */
export async function instanceExpiries(
  trust: { readonly anchors: Pick<Anchors, 'status'>; readonly issuers: readonly IssuerCertificate[] },
  tlsNotAfter: Date,
): Promise<Expiry[]> {
  const tuf = await trust.anchors.status()
  const certificates = trust.issuers.map(({ name, generation, certificate, issuerKeyId, keyId }) => ({
    name: `certificate of ${name} ${generation}`,
    notAfter: certificate.notAfter,
    warnDays: warnDaysOf(name, issuerKeyId === keyId),
  }))
  return [
    { name: 'TLS certificate', notAfter: tlsNotAfter, warnDays: 14 },
    { name: `TUF root ${tuf.rootVersion}`, notAfter: tuf.rootExpires, warnDays: ROOT_WARN_DAYS },
    { name: 'TUF targets', notAfter: tuf.targetsExpires, warnDays: 7 },
    { name: 'TUF snapshot', notAfter: tuf.snapshotExpires, warnDays: 7 },
    { name: 'TUF timestamp', notAfter: tuf.timestampExpires, warnDays: 2 },
    ...certificates,
  ]
}

function warnDaysOf(name: IssuerName, isRoot: boolean): number {
  if (isRoot) return 365
  // Its successor is made 90 days before the end and stamps from the next start on.
  return name === 'timestamp-signer' ? SIGNER_WARN_DAYS : ISSUING_WARN_DAYS
}
