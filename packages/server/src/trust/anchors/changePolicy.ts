import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import { equalBytes, toHex } from '@countersign/protocol/json/base64.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import { parseVerificationPolicy, type VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { AuditTrail } from '../../account/audit/auditTrail.ts'
import { trustError } from '../errors.ts'
import type { Anchors } from './openAnchors.ts'
import { readTarget } from './readTarget.ts'

/** The target that carries the distributed verification policy. */
export const POLICY_TARGET = 'verification_policy.json'

/** What changing the distributed policy stands on. */
export interface ChangePolicyDeps {
  readonly audit: Pick<AuditTrail, 'record'>
  readonly anchors: Pick<Anchors, 'change'>
}

/** Who changes the policy, and what for: both go on record. */
export interface PolicyChange {
  readonly actor: JsonValue
  /** Few words such as `approver added`. */
  readonly why: string
  /** Makes the next policy. Called once, with the newest one; what it throws leaves everything as it was. */
  change(policy: VerificationPolicy): VerificationPolicy
}

/** The distributed verification policy, as its exact text. Throws `trust.policy-missing`. */
export async function readPolicyText(blobs: Blobs): Promise<string> {
  return decode(await readTarget(blobs, POLICY_TARGET))
}

/**
 * Changes the distributed verification policy and publishes it as a new TUF version, on record first. Changes are made one
 * after the other, each to what the one before left; one that changes nothing publishes nothing. When this resolves, the
 * new policy is durable and what clients see. Resolves with the SHA-256 of the policy file.
 * Throws `policy.*` where the result is no policy, `trust.policy-missing`.
 */
export async function changePolicy(
  { audit, anchors }: ChangePolicyDeps,
  { actor, why, change }: PolicyChange,
): Promise<{ sha256: string }> {
  let digest = ''
  await anchors.change(POLICY_TARGET, async (present) => {
    const text = decode(present)
    const next = `${JSON.stringify(change(parseVerificationPolicy(text)), null, 2)}\n`
    // What devices cannot read must not be published: they would keep the old policy and say nothing.
    parseVerificationPolicy(next)
    const bytes = new TextEncoder().encode(next)
    digest = toHex(sha256(bytes))
    if (present !== undefined && equalBytes(present, bytes)) return present
    await audit.record({ kind: 'policy.changed', actor, detail: { why, sha256: digest } })
    return bytes
  })
  return { sha256: digest }
}

function decode(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) throw trustError('trust.policy-missing', 'no verification policy is published')
  return new TextDecoder().decode(bytes)
}
