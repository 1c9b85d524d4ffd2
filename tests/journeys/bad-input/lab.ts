import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { call } from '@countersign/local/calls/call.ts'
import { enrol } from '@countersign/local/calls/est.ts'
import { addValidatorRoute, putRevokerKeyRoute } from '@countersign/protocol/api/certifications.ts'
import { parseTicket } from '@countersign/protocol/api/ticket.ts'
import { type Approver, newApprover } from './approvals.ts'
import type { Delivery } from './delivery.ts'

/** A validator beside the embedded one, played by the test: it is let in and named by the policy, and does what it likes. */
export interface Lab {
  readonly client: { readonly certificatePem: string; readonly privateKeyPem: string }
  /** What it signs revocation records with. */
  readonly revoker: Approver
  /** Key id of the authority that numbers certifications. */
  readonly authority: string
}

/** Lets it in. */
export async function enrolLab({ admin, publicUrl: url, ca }: Delivery): Promise<Lab> {
  const { ticket } = await admin(addValidatorRoute, { body: { name: 'lab' } })
  const { secret } = parseTicket(ticket)
  if (secret === undefined) throw new Error('the ticket of a validator holds no secret')
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { certificatePem } = await enrol({ url, deviceRootPem: ca, name: 'lab', secret, privateKey })
  const client = { certificatePem, privateKeyPem: pemOf(privateKey) }
  const { publicKey, ...revoker } = newApprover()
  const target = { url, trust: { deviceRoot: ca, client } }
  const { authority } = await call(target, putRevokerKeyRoute, { body: { publicKey } })
  return { client, revoker, authority }
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string
}
