import { type Certificate, parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import {
  extendedKeyUsage,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from '@countersign/protocol/x509/extensions.ts'
import { EMPTY_NAME, writeName } from '@countersign/protocol/x509/name.ts'
import { verifyChain } from '@countersign/protocol/x509/verifyChain.ts'
import { issuerExtensions, signCertificate } from '../trust/authority/certificateProfiles.ts'
import type { Issuer } from '../trust/authority/issuers.ts'
import { crlShard, newSerial } from '../trust/authority/serial.ts'
import type { TrustFacts } from '../trust/facts.ts'
import { fleetError } from './errors.ts'
import { type MemberName, memberUri } from './members.ts'

/** Lifetime in days. Renewed by its owner long before. */
export const CLIENT_LIFETIME_DAYS = 90

const DAY_MS = 86_400_000
/** What a common name holds (X.520). The URI is what counts; the name is for people. */
const MAX_COMMON_NAME = 64

/**
 * Signs a client certificate for `member`: clientAuth and nothing else, the member as its one URI, the address of its
 * revocation list. It counts for nothing until it is recorded. Throws `fleet.issuer-expiring` where the authority ends
 * before it, and `x509.*` where it breaks its own profile.
 */
export async function signClientCertificate(
  { facts, issuer }: { readonly facts: TrustFacts; readonly issuer: Issuer },
  { member, spki }: { readonly member: MemberName; readonly spki: Uint8Array },
  now: Date,
): Promise<Certificate> {
  const notBefore = new Date(Math.floor(now.getTime() / 1000) * 1000 - DAY_MS)
  const notAfter = new Date(notBefore.getTime() + (CLIENT_LIFETIME_DAYS + 1) * DAY_MS)
  if (issuer.certificate.notAfter < notAfter) {
    throw fleetError('fleet.issuer-expiring', 'the devices authority ends before the certificate would')
  }
  const serial = newSerial()
  const hasName = member.name.length <= MAX_COMMON_NAME
  const profile = {
    serial,
    issuer: issuer.certificate.subject,
    subject: hasName ? writeName({ commonName: member.name }) : EMPTY_NAME,
    notBefore,
    notAfter,
    spki,
    extensions: [
      keyUsage(['digitalSignature']),
      extendedKeyUsage(['clientAuth']),
      // Critical where the subject is empty (RFC 5280, 4.2.1.6).
      subjectAltName([{ type: 'uri', value: memberUri(facts, member) }], !hasName),
      subjectKeyIdentifier(spki),
      ...issuerExtensions({ ...issuer, facts }, crlShard(serial, issuer.crlShards)),
    ],
  }
  const leaf = parseCertificate(await signCertificate(profile, issuer.key))
  // What clients and the listener will ask of it, asked before it leaves.
  verifyChain({ leaf, intermediates: [], anchors: [issuer.certificate], at: now, purpose: 'clientAuth' })
  return leaf
}
