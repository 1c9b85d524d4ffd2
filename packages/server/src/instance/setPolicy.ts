import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import { parseVerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { AuditTrail } from '../account/audit/auditTrail.ts'
import { POLICY_TARGET, readPolicyText } from '../trust/anchors/changePolicy.ts'
import type { Anchors } from '../trust/anchors/openAnchors.ts'
import { instanceError } from './errors.ts'
import type { InstanceFacts } from './facts.ts'

/** What distributing a policy stands on. */
export interface PolicyDeps {
  readonly facts: InstanceFacts
  readonly audit: AuditTrail
  readonly anchors: Pick<Anchors, 'change'>
  readonly blobs: Blobs
}

/** The distributed verification policy, as its exact text. */
export function readPolicy({ blobs }: Pick<PolicyDeps, 'blobs'>): Promise<string> {
  return readPolicyText(blobs)
}

/**
 * Distributes another verification policy as a new TUF version, on record first. Throws `policy.*` where it does not
 * parse, `instance.policy-environment` where it is for another environment than this instance; then nothing changes.
 */
export async function setPolicy(deps: PolicyDeps, caller: string, text: string): Promise<{ sha256: string }> {
  const bytes = new TextEncoder().encode(text)
  const policy = parseVerificationPolicy(bytes)
  if (policy.environment !== deps.facts.environment) {
    throw instanceError('instance.policy-environment', `the policy is for ${policy.environment}`)
  }
  const digest = toHex(sha256(bytes))
  await deps.audit.record({ kind: 'policy.set', actor: caller, detail: { sha256: digest } })
  // In turn with the changes that the server makes itself, so that neither is lost.
  await deps.anchors.change(POLICY_TARGET, async () => bytes)
  return { sha256: digest }
}
