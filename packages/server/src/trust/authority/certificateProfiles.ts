import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import type { Certificate } from '@countersign/protocol/x509/certificate.ts'
import {
  authorityInformationAccess,
  authorityKeyIdentifier,
  basicConstraints,
  crlDistributionPoints,
  type Extension,
  extendedKeyUsage,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from '@countersign/protocol/x509/extensions.ts'
import type { GeneralName } from '@countersign/protocol/x509/generalName.ts'
import { EMPTY_NAME, writeName } from '@countersign/protocol/x509/name.ts'
import {
  assembleCertificate,
  type TbsCertificate,
  writeTbsCertificate,
} from '@countersign/protocol/x509/writeCertificate.ts'
import { hostName, issuerCertificateUrl, revocationListUrl, type TrustFacts } from '../facts.ts'
import type { Purpose } from './issuerNames.ts'
import { crlShard, newSerial } from './serial.ts'

/** A period of validity; both ends are inclusive. */
export interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

/** What every certificate takes from its issuer. */
export interface IssuedBy {
  readonly facts: TrustFacts
  readonly certificate: Certificate
  readonly keyId: string
  readonly crlShards: number
}

/** The public half of what is certified. */
export interface SubjectKey {
  readonly spki: Uint8Array
}

/** Everything a certificate will say, except what its issuer signs with. */
export type CertificateProfile = Omit<TbsCertificate, 'signatureAlgorithm'>

const DAY_MS = 86_400_000

/**
 * Roots, issuing and TLS certificates begin a day before they are made, so that a client whose clock is behind reaches
 * the server and can be told so.
 */
export function backdated(now: Date, days: number): Validity {
  const start = Math.floor(now.getTime() / 1000) * 1000 - DAY_MS
  return { notBefore: new Date(start), notAfter: new Date(start + days * DAY_MS) }
}

/** The name of a root, issuing authority or timestamp signer: host, environment, purpose and generation. */
export function authorityName(facts: TrustFacts, title: string, generation: number): Uint8Array {
  // X.520 allows 64 characters; the generation keeps two names apart, because revocation lists are found by issuer name.
  const host = hostName(facts)
  const organization = host.length <= 64 ? host : `${host.slice(0, 61)}...`
  return writeName({
    organization,
    organizationalUnit: facts.environment,
    commonName: `Countersign ${title} ${generation}`,
  })
}

/**
 * A self-signed root without extended key usage, so that it may issue for every purpose (RFC 5280, 4.2). It names its own
 * revocation list: openssl with `-crl_check_all` looks the root up as well, and lists count only for the address they name.
 */
export function rootProfile(
  facts: TrustFacts,
  subject: { name: Uint8Array; key: SigningKey },
  validity: Validity,
): CertificateProfile {
  const { name, key } = subject
  return {
    serial: newSerial(),
    issuer: name,
    subject: name,
    ...validity,
    spki: key.spki,
    extensions: [
      basicConstraints({ ca: true }),
      keyUsage(['keyCertSign', 'cRLSign']),
      subjectKeyIdentifier(key.spki),
      crlDistributionPoints([revocationListUrl(facts, key.keyId, 0)]),
    ],
  }
}

/**
 * An issuing authority: nothing below it may issue, and one purpose only. The extended key usage is not critical, because
 * sigstore-python's path check wants it so; the chain check restricts by it all the same.
 */
export function issuingProfile(
  issuedBy: IssuedBy,
  subject: { name: Uint8Array; key: SigningKey; purpose: Purpose },
  validity: Validity,
): CertificateProfile {
  return profile(issuedBy, subject.key, {
    subject: subject.name,
    validity,
    own: [
      basicConstraints({ ca: true, pathLength: 0 }),
      keyUsage(['keyCertSign', 'cRLSign']),
      extendedKeyUsage([subject.purpose]),
    ],
  })
}

/** The signer of timestamps: extended key usage exactly timeStamping, critical (RFC 3161, 2.3). */
export function timestampSignerProfile(
  issuedBy: IssuedBy,
  subject: { name: Uint8Array; key: SigningKey },
  validity: Validity,
): CertificateProfile {
  return profile(issuedBy, subject.key, {
    subject: subject.name,
    validity,
    own: [keyUsage(['digitalSignature']), extendedKeyUsage(['timeStamping'], true)],
  })
}

/** A TLS server certificate: the names stand only in the critical alternative names, the subject is empty (RFC 6125, 2.3). */
export function tlsProfile(
  issuedBy: IssuedBy,
  subject: { names: readonly GeneralName[]; key: SubjectKey },
  validity: Validity,
): CertificateProfile {
  return profile(issuedBy, subject.key, {
    subject: EMPTY_NAME,
    validity,
    own: [keyUsage(['digitalSignature']), extendedKeyUsage(['serverAuth']), subjectAltName(subject.names, true)],
  })
}

/** Signs what a profile says. */
export async function signCertificate(tbs: CertificateProfile, key: SigningKey): Promise<Uint8Array> {
  const content = writeTbsCertificate({ ...tbs, signatureAlgorithm: key.signatureAlgorithm })
  return assembleCertificate(content, key.signatureAlgorithm, await key.sign(content))
}

/** The extensions that say who issued a certificate and where its revocation list and issuer are. */
export function issuerExtensions(issuedBy: IssuedBy, shard: number): Extension[] {
  const { facts, certificate, keyId } = issuedBy
  return [
    authorityKeyIdentifier(certificate.subjectKeyId ?? new Uint8Array(0)),
    authorityInformationAccess({ caIssuers: issuerCertificateUrl(facts, keyId) }),
    crlDistributionPoints([revocationListUrl(facts, keyId, shard)]),
  ]
}

function profile(
  issuedBy: IssuedBy,
  key: SubjectKey,
  parts: { subject: Uint8Array; validity: Validity; own: readonly Extension[] },
): CertificateProfile {
  const serial = newSerial()
  return {
    serial,
    issuer: issuedBy.certificate.subject,
    subject: parts.subject,
    ...parts.validity,
    spki: key.spki,
    extensions: [
      ...parts.own,
      subjectKeyIdentifier(key.spki),
      ...issuerExtensions(issuedBy, crlShard(serial, issuedBy.crlShards)),
    ],
  }
}
