import { generateKeyPairSync, hash, type KeyObject, sign } from 'node:crypto'
import { addApproverRoute, type RevocationRequest } from '@countersign/protocol/api/revocations.ts'
import { revocationToSign } from '@countersign/protocol/revocation/envelope.ts'
import type { RevocationScope } from '@countersign/protocol/revocation/record.ts'
import { callForJson } from '../../support/callInstance.ts'
import type { Outcome } from './badInput.ts'
import { answerTo } from './commands.ts'
import type { Delivery } from './delivery.ts'

/** Somebody whose signature may end trust. */
export interface Approver {
  /** Hex SHA-256 of the public key. */
  readonly keyId: string
  readonly privateKey: KeyObject
}

/** Makes a key that nobody has taken into the policy. */
export function newApprover(): Approver & { readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return { privateKey, keyId: hash('sha256', spki, 'hex'), publicKey: spki.toString('base64') }
}

/** Makes an approver whom the policy gives these scopes. */
export async function addApprover({ admin }: Delivery, name: string, scopes: RevocationScope[]): Promise<Approver> {
  const { publicKey, ...approver } = newApprover()
  await admin(addApproverRoute, { body: { name, publicKey, scopes } })
  return approver
}

/** Asks, as Dora, that trust in the bytes of a digest ends. */
export async function askToEnd(delivery: Delivery, digest: string): Promise<RevocationRequest> {
  const body = JSON.stringify({ target: { scope: 'digest', digest }, reason: 'the test needs it' })
  const url = `${delivery.publicUrl}/api/v1/revocation-requests`
  return (await callForJson<{ request: RevocationRequest }>(url, { ...asDora(delivery), body })).request
}

/** Brings, as Dora, the approver's signature over `payload`, which should be the request's own. */
export function approve(
  delivery: Delivery,
  request: RevocationRequest,
  { keyId, privateKey }: Approver,
  payload: Uint8Array = Buffer.from(request.payload, 'base64'),
): Promise<Outcome> {
  const signature = sign('sha256', revocationToSign(payload), privateKey).toString('base64')
  const body = JSON.stringify({ keyId, signature })
  const url = `${delivery.publicUrl}/api/v1/revocation-requests/${request.id}/approvals`
  return answerTo(url, { ...asDora(delivery), body })
}

/** How Dora calls her instance. */
export function asDora({ ca, token }: Delivery) {
  return { ca, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } } as const
}
