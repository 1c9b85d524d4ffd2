import type { Clock } from '@countersign/local/clock/clock.ts'
import { writeTicket } from '@countersign/protocol/api/ticket.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import type { AuditTrail } from '../account/audit/auditTrail.ts'
import type { InstanceFacts } from './facts.ts'

/** What making a ticket stands on. */
export interface TicketDeps {
  readonly facts: InstanceFacts
  readonly clock: Clock
  readonly audit: AuditTrail
  /** SHA-256 of the first TUF root. */
  readonly rootHash: Uint8Array
}

/** Makes a ticket that carries first trust (design 9). It holds no secret, so anyone may read it; only its hash is believed. */
export async function createTicket(
  deps: TicketDeps,
  caller: string,
  validityHours: number,
): Promise<{ ticket: string; expires: string }> {
  const { facts, clock, audit, rootHash } = deps
  const expires = new Date(clock.now().getTime() + validityHours * 3_600_000)
  const ticket = writeTicket({
    url: facts.publicUrl,
    httpUrl: facts.publicHttpUrl,
    environment: facts.environment,
    rootSha256: toHex(rootHash),
    expires,
  })
  await audit.record({ kind: 'ticket.created', actor: caller, detail: { expires: expires.toISOString() } })
  return { ticket, expires: expires.toISOString() }
}
