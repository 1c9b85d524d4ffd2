import type { Blobs } from '@countersign/platform/blobs/blobs.ts'
import { equalBytes } from '@countersign/protocol/json/base64.ts'
import { parseVerificationPolicy, type VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { readPolicyText } from './changePolicy.ts'
import { TUF_FOLDER } from './readRepository.ts'

/**
 * Reads the verification policy as clients get it now. What was read is kept until `timestamp.json` changes: a recall does
 * not wait for the whole repository to be verified again. Throws `trust.policy-missing` and what reading the anchors throws.
 */
export function distributedPolicy(blobs: Blobs): () => Promise<VerificationPolicy> {
  let known: { readonly timestamp: Uint8Array; readonly policy: VerificationPolicy } | undefined
  return async () => {
    const timestamp = await blobs.get(`${TUF_FOLDER}timestamp.json`)
    if (known !== undefined && timestamp !== undefined && equalBytes(known.timestamp, timestamp)) return known.policy
    const policy = parseVerificationPolicy(await readPolicyText(blobs))
    if (timestamp !== undefined) known = { timestamp, policy }
    return policy
  }
}
