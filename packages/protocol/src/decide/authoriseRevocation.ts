import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { verifyEnvelope } from '../bundle/verifyEnvelope.ts'
import { CodedError } from '../errors/codedError.ts'
import { decodeBase64 } from '../json/base64.ts'
import { keyDetailsOf } from '../log/keyDetails.ts'
import type { VerificationPolicy } from '../policy/verificationPolicy.ts'
import { REVOCATION_PAYLOAD_TYPE, type UnverifiedRevocation } from '../revocation/envelope.ts'
import { revocationError } from '../revocation/errors.ts'
import type { RevocationRecord, RevocationScope } from '../revocation/record.ts'
import type { AuthorisedRevocation } from './facts.ts'

type Revokers = VerificationPolicy['revokers']
type Revoker = Revokers['keys'][number]
type Environment = VerificationPolicy['environment']

/**
 * Proves that whoever signed this record may end trust in what it is about. Design, decision 5: approvers, as many as the
 * policy asks for, each with the scope of the record; or a validator's own key, which ends certifications of its own
 * issuing authority for an advisory and can do nothing else. Signatures of strangers do not count. The log's key alone
 * ends nothing; that the record is in the log is for whoever read it there. Trusts `revokers` as the policy has them.
 * Throws `revocation.unauthorised`, `revocation.signature-wrong`, `revocation.scope-not-allowed`,
 * `revocation.too-few-approvals`, `revocation.not-own-certifications`, `revocation.no-advisory`.
 */
export function authoriseRevocation(
  revocation: UnverifiedRevocation,
  revokers: Revokers,
  environment: Environment,
): AuthorisedRevocation {
  const { record, payloadHash, leafHash } = revocation
  const signers = verifiedSigners(revocation, revokers)
  if (signers.length === 0)
    throw revocationError('revocation.unauthorised', 'no revoker of the policy signed the record')

  const needed = neededApprovals(record.scope, revokers, environment)
  const approvers = signers.filter((key) => key.validator === undefined && key.scopes.includes(record.scope))
  if (approvers.length >= needed) return { record, payloadHash, leafHash, by: approvers.map(({ name }) => name) }

  const own = signers.find((key) => key.validator !== undefined)
  if (own?.validator !== undefined && approvers.length === 0) {
    checkOwnRecord(record, own)
    return { record, payloadHash, leafHash, by: [own.name], validator: own.validator.name }
  }
  if (approvers.length === 0) throw notAllowed(signers, record)
  throw revocationError('revocation.too-few-approvals', `${approvers.length} of ${needed} approvers signed the record`)
}

/**
 * How many approvers must sign a record of this scope: what the policy says, and in production never fewer than two for
 * anything but certifications.
 */
export function neededApprovals(scope: RevocationScope, { approvals }: Revokers, environment: Environment): number {
  const least = environment === 'production' && scope !== 'certifications' ? 2 : 1
  return Math.max(approvals[scope], least)
}

/** The thief of a validator's key must not reach digests, identities, another's certifications, or lift anything. */
function checkOwnRecord(record: RevocationRecord, own: Revoker): void {
  if (record.scope !== 'certifications' || record.effect !== 'ended') throw notAllowed([own], record)
  if (record.authority !== own.validator?.authority) {
    throw revocationError('revocation.not-own-certifications', `${own.name} does not certify under ${record.authority}`)
  }
  if ((record.advisories ?? []).length === 0) {
    throw revocationError('revocation.no-advisory', `the record of ${own.name} names no advisory`)
  }
}

function notAllowed(signers: readonly Revoker[], { scope, effect }: RevocationRecord) {
  const names = signers.map(({ name }) => name).join(', ')
  return revocationError('revocation.scope-not-allowed', `${names} may not sign a record that is ${effect} at ${scope}`)
}

/** The revokers of the policy whose signatures are on the record; a wrong one by any of them refuses the whole. */
function verifiedSigners({ payload, signatures }: UnverifiedRevocation, revokers: Revokers): Revoker[] {
  const known = keysOf(revokers)
  return signatures.flatMap(({ keyId, signature }) => {
    const named = known.get(keyId)
    if (named === undefined) return []
    const { revoker, key } = named
    try {
      verifyEnvelope({ payloadType: REVOCATION_PAYLOAD_TYPE, payload, signature }, key, keyDetailsOf(key))
    } catch (cause) {
      if (!(cause instanceof CodedError)) throw cause
      throw revocationError('revocation.signature-wrong', `the signature of ${revoker.name} does not verify`, { cause })
    }
    return [revoker]
  })
}

type Keys = ReadonlyMap<string, { readonly revoker: Revoker; readonly key: KeyObject }>
const openedKeys = new WeakMap<Revokers, Keys>()

/** By key id. Opened once for each policy; a key that cannot be read authorises nothing. */
function keysOf(revokers: Revokers): Keys {
  const opened = openedKeys.get(revokers)
  if (opened !== undefined) return opened
  const keys = new Map(revokers.keys.flatMap((revoker) => openKey(revoker)))
  openedKeys.set(revokers, keys)
  return keys
}

function openKey(revoker: Revoker): [string, { revoker: Revoker; key: KeyObject }][] {
  const spki = decodeBase64(revoker.spki, 'revoker key')
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
    return [[hash('sha256', spki, 'hex'), { revoker, key }]]
  } catch {
    return []
  }
}
