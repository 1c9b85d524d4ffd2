import { generateKeyPairSync } from 'node:crypto'
import { isIP } from 'node:net'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { parseCertificate, toPem } from '@countersign/protocol/x509/certificate.ts'
import type { GeneralName } from '@countersign/protocol/x509/generalName.ts'
import { lintTlsCertificate } from '@countersign/protocol/x509/lint.ts'
import { trustError } from '../errors.ts'
import { hostName, type TrustFacts } from '../facts.ts'
import { backdated, signCertificate, tlsProfile } from './certificateProfiles.ts'
import type { Issuer } from './issuers.ts'

/** A certificate for this server's own listener. The key is in memory only: every start makes a new one. */
export interface TlsCertificate {
  /** Server certificate, then the issuing one; the root is what clients hold. */
  readonly certificatePem: string
  /** PKCS#8. Never written anywhere. */
  readonly privateKeyPem: string
  readonly notAfter: Date
}

/** Lifetime in days; renewed by a job long before. */
export const TLS_LIFETIME_DAYS = 90

/**
 * Makes a key and a certificate for the host of the public URL and `alsoFor` (host names or IP addresses), issued by
 * the `servers` authority. Throws `trust.issuer-expiring` where that authority ends first.
 */
export async function issueTlsCertificate(
  deps: { clock: Clock; issuer: Issuer },
  facts: TrustFacts,
  alsoFor: readonly string[] = [],
): Promise<TlsCertificate> {
  const { issuer } = deps
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const validity = backdated(deps.clock.now(), TLS_LIFETIME_DAYS)
  if (issuer.certificate.notAfter < validity.notAfter) {
    throw trustError('trust.issuer-expiring', 'the servers authority ends before the TLS certificate would')
  }
  const subject = {
    names: generalNames(facts, alsoFor),
    key: { spki: publicKey.export({ type: 'spki', format: 'der' }) },
  }
  const der = await signCertificate(tlsProfile({ ...issuer, facts }, subject, validity), issuer.key)
  lintTlsCertificate(parseCertificate(der), issuer.certificate)
  return {
    certificatePem: toPem(der) + toPem(issuer.certificate.raw),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    notAfter: validity.notAfter,
  }
}

function generalNames(facts: TrustFacts, alsoFor: readonly string[]): GeneralName[] {
  const host = hostName(facts)
  // A browser that resolves localhost reaches one of the two; people type either.
  const loopback = host === 'localhost' ? ['127.0.0.1', '::1'] : []
  const names = [...new Set([host, ...loopback, ...alsoFor])]
  return names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))
}
