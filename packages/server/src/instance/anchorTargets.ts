import type { AnchorTargetName } from '@countersign/protocol/api/anchors.ts'
import { writeSigningConfig } from '@countersign/protocol/bundle/signingConfig.ts'
import { type TrustedLog, trustedLog, writeTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { formatVkey, logId, type NoteKey } from '@countersign/protocol/log/note.ts'
import { defaultVerificationPolicy } from '@countersign/protocol/policy/defaultVerificationPolicy.ts'
import type { PolicyLog, VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import type { LogName, TransparencyLog } from '../log/transparencyLog.ts'
import type { IssuingName } from '../trust/authority/issuerNames.ts'
import { currentIssuer, type IssuerCertificate } from '../trust/authority/issuers.ts'
import { addressesOf, type InstanceFacts } from './facts.ts'

/** The four logs by name. */
export type InstanceLogs = Readonly<Record<LogName, TransparencyLog>>

/** What the distributed anchors are made from. */
export interface AnchorSources {
  readonly facts: InstanceFacts
  readonly issuers: readonly IssuerCertificate[]
  readonly logs: InstanceLogs
  /** SHA-256 of the first TUF root. */
  readonly rootHash: Uint8Array
}

/** Name of the validator that a new instance starts beside itself. */
export const EMBEDDED_VALIDATOR = 'embedded'

/** The targets that follow from the keys of the instance. The verification policy is the operator's and not among them. */
export function anchorTargets(
  sources: AnchorSources,
): Record<Exclude<AnchorTargetName, 'verification_policy.json'>, Uint8Array> {
  const device = currentIssuer(sources.issuers, 'device-root')
  return {
    'trusted_root.json': encode(trustedRootOf(sources)),
    'signing_config.v0.2.json': encode(signingConfigOf(sources.facts)),
    'device_root.pem': new TextEncoder().encode(toPem(device.certificate.raw)),
  }
}

/**
 * The first verification policy of a new instance, as its file: with a validator beside it, its certification is asked for.
 */
export function firstPolicy({ facts, logs, rootHash }: AnchorSources, embeddedValidator: boolean): Uint8Array {
  const addresses = addressesOf(facts)
  const plain = facts.publicHttpUrl
  const heartbeat = logs.revocations.cosignerKeys[0]
  if (heartbeat === undefined) throw new TypeError('the revocation log has no heartbeat')
  const policy: VerificationPolicy = defaultVerificationPolicy({
    environment: facts.environment,
    issuer: addresses.issuer,
    rootSha256: toHex(rootHash),
    logs: {
      artifacts: policyLog(logs.artifacts, `${plain}/api/v2`),
      certificates: policyLog(logs.certificates, `${plain}/ct`),
      revocations: policyLog(logs.revocations, `${plain}/${facts.environment}/revocations`),
      audit: policyLog(logs.audit, `${plain}/${facts.environment}/audit`),
    },
    heartbeat: { name: heartbeat.name, vkey: formatVkey(heartbeat) },
    ...(embeddedValidator && { validators: [policyValidator(addresses.validators, EMBEDDED_VALIDATOR)] }),
  })
  return encode(policy as unknown as JsonValue)
}

function policyValidator(issuer: string, name: string): VerificationPolicy['validators']['of'][number] {
  return { name, issuer, subject: `${issuer}/${name}` }
}

function policyLog(log: TransparencyLog, url: string): PolicyLog {
  const [key] = log.noteKeys
  if (key === undefined) throw new TypeError(`the log ${log.name} has no key`)
  return { origin: log.origin, key: { vkey: formatVkey(key) }, url }
}

function trustedRootOf({ facts, issuers, logs }: AnchorSources): JsonValue {
  const validFrom = new Date(facts.createdAt)
  const timestamps = issuers.filter(({ name }) => name === 'timestamp-signer')
  const authorities = (wanted: IssuingName, uri: string) =>
    issuers
      .filter(({ name }) => name === wanted)
      .map(({ chain, certificate }) => ({ uri, chain, validFrom: certificate.notBefore }))
  return writeTrustedRoot({
    tlogs: [trusted(facts.publicUrl, logs.artifacts, validFrom)],
    ctlogs: [trusted(`${facts.publicUrl}/ct`, logs.certificates, validFrom)],
    // Back-dated by a day at issuance, so the certificates themselves say from when they count.
    certificateAuthorities: [
      ...authorities('identities', facts.publicUrl),
      // The address tells verifiers what its certificates are: certifications, never a developer's signature.
      ...authorities('certifications', addressesOf(facts).validators),
    ],
    timestampAuthorities: timestamps.map(({ chain, certificate }) => ({
      uri: addressesOf(facts).timestamp,
      chain,
      validFrom: certificate.notBefore,
    })),
  })
}

/** The key that sigstore clients know a log by: Ed25519 of the artifact log, the P-256 tree head key of the certificate log. */
function trusted(baseUrl: string, log: TransparencyLog, validFrom: Date): TrustedLog {
  const key = sigstoreKey(log)
  const spki = key.key.export({ type: 'spki', format: 'der' })
  return trustedLog({ baseUrl, spki, logId: logId(key), validFrom })
}

function sigstoreKey(log: TransparencyLog): NoteKey {
  const key = log.name === 'certificates' ? log.noteKeys.find(({ type }) => type === 0x05) : log.noteKeys[0]
  if (key === undefined) throw new TypeError(`the log ${log.name} has no key for sigstore clients`)
  return key
}

function signingConfigOf(facts: InstanceFacts): JsonValue {
  const addresses = addressesOf(facts)
  const validFrom = new Date(facts.createdAt)
  const service = (url: string, majorApiVersion: number) => ({
    url,
    majorApiVersion,
    operator: addresses.hostName,
    validFrom,
  })
  return writeSigningConfig({
    certificateAuthorities: [service(facts.publicUrl, 1)],
    identityIssuers: [service(addresses.issuer, 1)],
    artifactLogs: [service(facts.publicUrl, 2)],
    artifactLogSelection: { selector: 'ANY' },
    timestampAuthorities: [service(addresses.timestamp, 1)],
    timestampAuthoritySelection: { selector: 'ANY' },
  })
}

function encode(value: JsonValue): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)
}
