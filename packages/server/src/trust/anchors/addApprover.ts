import { hash } from 'node:crypto'
import { decodeBase64, encodeBase64 } from '@countersign/protocol/json/base64.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { RevocationScope } from '@countersign/protocol/revocation/record.ts'
import { clientKeyFromSpki } from '../authority/clientKey.ts'
import { trustError } from '../errors.ts'
import { type ChangePolicyDeps, changePolicy } from './changePolicy.ts'

/** The public half of an approver's key; the private one never leaves the approver's machine. */
export interface NewApprover {
  readonly name: string
  /** Base64 of the SPKI, ECDSA P-256. */
  readonly publicKey: string
  readonly scopes: readonly RevocationScope[]
}

type RevokerKey = VerificationPolicy['revokers']['keys'][number]

/**
 * Takes an approver into the distributed verification policy, as a new TUF version (design 5). The same again changes
 * nothing. Throws `trust.key-unsupported`, `trust.request-form`, `trust.approver-name`, `policy.*`.
 */
export async function addApprover(
  deps: ChangePolicyDeps,
  actor: JsonValue,
  { name, publicKey, scopes }: NewApprover,
): Promise<{ name: string; keyId: string; policySha256: string }> {
  const { key, spki } = clientKeyFromSpki(decodeBase64(publicKey, 'the public key'))
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw trustError('trust.key-unsupported', 'the key of an approver is ECDSA P-256')
  }
  const approver: RevokerKey = { name, spki: encodeBase64(spki), scopes: [...new Set(scopes)] }
  const change = (policy: VerificationPolicy): VerificationPolicy => ({
    ...policy,
    revokers: { ...policy.revokers, keys: withApprover(policy.revokers.keys, approver) },
  })
  const { sha256 } = await changePolicy(deps, { actor, why: `approver ${name}`, change })
  return { name, keyId: hash('sha256', spki, 'hex'), policySha256: sha256 }
}

function withApprover(keys: readonly RevokerKey[], approver: RevokerKey): RevokerKey[] {
  const same = keys.find(({ name, spki }) => name === approver.name && spki === approver.spki)
  if (same !== undefined && same.validator === undefined) {
    return keys.map((key) => (key === same ? approver : key))
  }
  const taken = keys.find(({ name, spki }) => name === approver.name || spki === approver.spki)
  if (taken !== undefined)
    throw trustError('trust.approver-name', `${taken.name} is a revoker with another key or name`)
  return [...keys, approver]
}
