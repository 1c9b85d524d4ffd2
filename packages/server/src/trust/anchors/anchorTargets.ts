import { createHash } from 'node:crypto'
import type { AnchorTargetName } from '@countersign/protocol/api/anchors.ts'
import { type SigningService, writeSigningConfig } from '@countersign/protocol/bundle/signingConfig.ts'
import { type TrustedAuthority, trustedLog, writeTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { logId, noteKey } from '@countersign/protocol/log/note.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import type { IssuerName } from '../authority/issuerNames.ts'
import { currentIssuer, type IssuerCertificate } from '../authority/issuers.ts'
import { hostName, type TrustFacts } from '../facts.ts'

/** Everything that clients are told to trust. */
export interface AnchorSources {
  readonly facts: TrustFacts
  /** Every issuer certificate; earlier generations stay trusted, because what they issued has to verify. */
  readonly issuers: readonly IssuerCertificate[]
  /** The public keys of the logs, DER SPKI: Ed25519 of the artifact log, P-256 of the certificate log. */
  readonly logKeys: { readonly artifacts: Uint8Array; readonly certificates: Uint8Array }
  /** The verification policy, exactly as it is to be published. */
  readonly verificationPolicy: Uint8Array
}

/** The targets of this instance. The same sources give the same bytes, so publishing them again is no new version. */
export function anchorTargets(sources: AnchorSources): Record<AnchorTargetName, Uint8Array> {
  return {
    'trusted_root.json': jsonBytes(trustedRoot(sources)),
    'signing_config.v0.2.json': jsonBytes(signingConfig(sources)),
    'verification_policy.json': sources.verificationPolicy,
    'device_root.pem': new TextEncoder().encode(toPem(currentIssuer(sources.issuers, 'device-root').certificate.raw)),
  }
}

/** Trust begins with the roots: nothing of this instance is older. */
function beginning({ issuers }: AnchorSources): Date {
  return currentIssuer(issuers, 'code-signing-root').certificate.notBefore
}

/**
 * The sigstore trusted root. `baseUrl` of the artifact log has the origin as its host name, because sigstore-go derives
 * the one from the other. Certifications are in it as well as identities: what validators sign is read by sigstore clients.
 */
function trustedRoot(sources: AnchorSources): JsonValue {
  const { facts, logKeys } = sources
  const validFrom = beginning(sources)
  const artifactsId = logId(noteKey(hostName(facts), 0x01, logKeys.artifacts))
  const certificatesId = createHash('sha256').update(logKeys.certificates).digest()
  return writeTrustedRoot({
    tlogs: [trustedLog({ baseUrl: facts.publicUrl, spki: logKeys.artifacts, logId: artifactsId, validFrom })],
    ctlogs: [
      trustedLog({ baseUrl: `${facts.publicUrl}/ct`, spki: logKeys.certificates, logId: certificatesId, validFrom }),
    ],
    certificateAuthorities: authorities(sources, ['identities', 'certifications'], facts.publicUrl),
    timestampAuthorities: authorities(sources, ['timestamp-signer'], timestampUrl(facts)),
  })
}

function authorities({ issuers }: AnchorSources, names: readonly IssuerName[], uri: string): TrustedAuthority[] {
  return issuers
    .filter(({ name }) => names.includes(name))
    .map(({ certificate, chain }) => ({ uri, chain, validFrom: certificate.notBefore }))
}

/** Where clients sign. The timestamp address is whole, the others are bases; the log speaks version 2, the rest 1. */
function signingConfig(sources: AnchorSources): JsonValue {
  const { facts } = sources
  const validFrom = beginning(sources)
  const service = (url: string, majorApiVersion: number): SigningService[] => [
    { url, majorApiVersion, operator: hostName(facts), validFrom },
  ]
  return writeSigningConfig({
    certificateAuthorities: service(facts.publicUrl, 1),
    identityIssuers: service(`${facts.publicUrl}/oidc`, 1),
    artifactLogs: service(facts.publicUrl, 2),
    artifactLogSelection: { selector: 'ANY' },
    timestampAuthorities: service(timestampUrl(facts), 1),
    timestampAuthoritySelection: { selector: 'ANY' },
  })
}

function timestampUrl(facts: TrustFacts): string {
  return `${facts.publicUrl}/api/v1/timestamp`
}

function jsonBytes(value: JsonValue): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)
}
