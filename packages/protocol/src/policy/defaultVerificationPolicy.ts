import type { PolicyLog, VerificationPolicy } from './verificationPolicy.ts'

/** What a new instance knows about itself when it writes its first policy. */
export interface InstanceFacts {
  readonly environment: VerificationPolicy['environment']
  /** `<public-url>/oidc`: everyone who is invited there may sign. */
  readonly issuer: string
  /** Hex SHA-256 of `1.root.json`; absent while the TUF root does not exist yet. */
  readonly rootSha256?: string
  readonly logs: {
    readonly artifacts: PolicyLog
    readonly certificates: PolicyLog
    readonly revocations: PolicyLog
    readonly audit: PolicyLog
  }
  /** The built-in witness; it proves only that the server is alive. */
  readonly heartbeat: { readonly name: string; readonly vkey: string }
  /** Validators that run beside the instance from its first start: each of them has to certify. Default: none. */
  readonly validators?: VerificationPolicy['validators']['of']
}

/**
 * The policy of a new instance: its own issuer's people sign, the validators that it starts with certify (k of k, so none
 * is asked for where it has none), nobody may end trust until approvers are added, freshness comes from the heartbeat alone.
 */
export function defaultVerificationPolicy(facts: InstanceFacts): VerificationPolicy {
  const approvals = facts.environment === 'production' ? 2 : 1
  return {
    v: 1,
    environment: facts.environment,
    anchors: facts.rootSha256 === undefined ? [] : [{ rootSha256: facts.rootSha256, environment: facts.environment }],
    identities: [{ issuer: facts.issuer, subject: { any: true } }],
    validators: { required: facts.validators?.length ?? 0, of: facts.validators ?? [] },
    revokers: {
      keys: [],
      approvals: { certifications: 1, digest: approvals, certificate: approvals, identity: approvals },
      reach: { maxPercentOfGroup: 20, minGroupDevices: 50, maxPercentOfCertifications: 50, passes: [] },
    },
    logs: {
      artifacts: [facts.logs.artifacts],
      certificates: [facts.logs.certificates],
      revocations: [facts.logs.revocations],
      audit: [facts.logs.audit],
    },
    witnesses: { quorum: 1, of: [{ ...facts.heartbeat, outside: false }] },
    onRevoked: 'goBack',
    onExpired: 'refuseInstalls',
    maxStaleness: '1d',
    onStale: 'refuseInstalls',
    maxOffline: '30d',
    silence: { bound: '1h' },
  }
}
