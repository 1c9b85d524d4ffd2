import { hash } from 'node:crypto'
import { refusedCaller } from '@countersign/protocol/errors/codedError.ts'
import { decodeBase64, encodeBase64 } from '@countersign/protocol/json/base64.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import { clientKeyFromSpki } from '../authority/clientKey.ts'
import { trustError } from '../errors.ts'
import { type ChangePolicyDeps, changePolicy } from './changePolicy.ts'

type RevokerKey = VerificationPolicy['revokers']['keys'][number]

/** A validator's own revoker key, as the policy has it now. */
export interface RevokerKeyReply {
  readonly name: string
  /** Hex SHA-256 of its SPKI. */
  readonly keyId: string
  /** Key id of the authority whose certifications it may end. */
  readonly authority: string
}

/**
 * Takes a validator's first revoker key into the distributed verification policy: it may end certifications of `authority`
 * under this validator's name, and nothing else (design 5). The same key again changes nothing; another one is refused,
 * because whoever holds a stolen client certificate must not become a revoker by it. Trusts `validator` to be proved.
 * Throws `trust.key-unsupported`, `trust.request-form`, `trust.revoker-known`, `trust.approver-name`, `policy.*`.
 */
export async function putRevokerKey(
  deps: ChangePolicyDeps,
  authority: string,
  validator: string,
  publicKey: string,
): Promise<RevokerKeyReply> {
  try {
    const { key, spki } = clientKeyFromSpki(decodeBase64(publicKey, 'the public key'))
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
      throw trustError('trust.key-unsupported', 'a revoker key is ECDSA P-256')
    }
    const revoker = {
      name: validator,
      spki: encodeBase64(spki),
      scopes: ['certifications'],
      validator: { name: validator, authority },
    } satisfies RevokerKey
    const change = (policy: VerificationPolicy): VerificationPolicy => ({
      ...policy,
      revokers: { ...policy.revokers, keys: withRevoker(policy.revokers.keys, revoker) },
    })
    await changePolicy(deps, { actor: { validator }, why: `revoker key of ${validator}`, change })
    return { name: validator, keyId: hash('sha256', spki, 'hex'), authority }
  } catch (error) {
    throw refusedCaller(error, { validator })
  }
}

function withRevoker(keys: readonly RevokerKey[], revoker: RevokerKey): RevokerKey[] {
  const own = keys.find((key) => key.validator?.name === revoker.name)
  if (own !== undefined && own.spki !== revoker.spki) {
    throw trustError('trust.revoker-known', `the policy names another revoker key of ${revoker.name}`)
  }
  // The same key under a renewed issuing authority ends that one's certifications from now on.
  if (own !== undefined) return keys.map((key) => (key === own ? { ...own, validator: revoker.validator } : key))
  const taken = keys.find(({ name, spki }) => name === revoker.name || spki === revoker.spki)
  if (taken !== undefined) throw trustError('trust.approver-name', `${taken.name} is a revoker with this name or key`)
  return [...keys, revoker]
}
