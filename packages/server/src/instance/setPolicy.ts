import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import { parseVerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { AuditTrail } from '../account/audit/auditTrail.ts'
import type { Anchors } from '../trust/anchors/openAnchors.ts'
import { readTarget } from '../trust/anchors/readTarget.ts'
import { instanceError } from './errors.ts'
import type { InstanceFacts } from './facts.ts'

/** What distributing a policy stands on. */
export interface PolicyDeps {
  readonly facts: InstanceFacts
  readonly audit: AuditTrail
  readonly anchors: Pick<Anchors, 'publish'>
  readonly blobs: Blobs
}

/** The distributed verification policy, as its exact text. */
export async function readPolicy(deps: PolicyDeps): Promise<string> {
  const bytes = await readTarget(deps.blobs, 'verification_policy.json')
  if (bytes === undefined) throw instanceError('instance.damaged', 'no verification policy is published')
  return new TextDecoder().decode(bytes)
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
  await deps.anchors.publish({ 'verification_policy.json': bytes })
  return { sha256: digest }
}
