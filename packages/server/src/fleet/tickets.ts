import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { writeTicket } from '@countersign/protocol/api/ticket.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import type { Kysely, Selectable } from 'kysely'
import type { AuditIntent } from '../account/audit/auditStore.ts'
import { fleetError } from './errors.ts'
import type { FleetDeps } from './fleetDeps.ts'
import type { FleetTables, MemberKind, TicketRow } from './fleetTables.ts'

/** Which member a ticket lets in. */
export interface TicketRequest {
  readonly subject: MemberKind
  readonly name: string
  /** Of a device that is not there yet. */
  readonly group?: string
  /** Whether the operator of the instance runs it; false where not given. */
  readonly sameOperator?: boolean
  readonly validityHours: number
}

/** A ticket as it is handed out. The secret in it cannot be shown again. */
export interface EnrolmentTicket {
  readonly ticket: string
  readonly expires: Date
}

const SECRET_BYTES = 32

/**
 * Makes a ticket: first trust in this instance, and a one-time secret with which exactly this member enrols (design 9).
 * The secret is stored hashed. Open tickets of the same member end. A member that is not there yet is entered as invited.
 * Durable and on record when this resolves. Trusts `caller` to be an operator.
 */
export async function createEnrolmentTicket(
  deps: FleetDeps,
  caller: JsonValue,
  request: TicketRequest,
): Promise<EnrolmentTicket> {
  const { facts, clock, database, audit, callers, rootHash } = deps
  const { subject: kind, name } = request
  const expires = new Date(clock.now().getTime() + request.validityHours * 3_600_000)
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  const intent = await database.transaction<FleetTables, AuditIntent>('fleet.ticket', async (trx) => {
    await trx
      .deleteFrom('fleet_tickets')
      .where('kind', '=', kind)
      .where('name', '=', name)
      .where('key_id', 'is', null)
      .execute()
    const values = {
      kind,
      name,
      secret_hash: hashOf(secret),
      expires_ms: expires.getTime(),
      key_id: null,
      serial: null,
    }
    await trx.insertInto('fleet_tickets').values(values).execute()
    await inviteMember(trx, request, clock.now())
    const detail = { kind, name, expires: expires.toISOString() }
    return audit.intend(trx, { kind: 'ticket.created', actor: caller, detail })
  })
  await callers.refresh(kind, name)
  await audit.settle(intent)
  const { publicUrl: url, publicHttpUrl: httpUrl, environment } = facts
  const ticket = { url, httpUrl, environment, rootSha256: toHex(rootHash), expires, device: name, secret }
  return { ticket: writeTicket(ticket), expires }
}

async function inviteMember(
  trx: Kysely<FleetTables>,
  { subject: kind, name, group = '', sameOperator = false }: TicketRequest,
  now: Date,
): Promise<void> {
  await trx
    .insertInto('fleet_members')
    .values({
      kind,
      name,
      state: 'invited',
      group_name: group,
      same_operator: sameOperator ? 1 : 0,
      created_ms: now.getTime(),
      last_seen_ms: null,
    })
    // Removed, it is only let in again by the operator's admission; its ticket alone changes nothing.
    .onConflict((conflict) => conflict.columns(['kind', 'name']).doNothing())
    .execute()
}

/** A ticket whose secret was shown. */
export type ShownTicket = Selectable<TicketRow>

/**
 * Finds the ticket with this name and secret; another member's secret finds nothing. Every ticket of the name is compared,
 * in constant time. Throws `fleet.ticket-unknown`.
 */
export async function findTicket(tables: Kysely<FleetTables>, name: string, secret: string): Promise<ShownTicket> {
  const shown = Buffer.from(hashOf(secret))
  const rows = await tables.selectFrom('fleet_tickets').selectAll().where('name', '=', name).execute()
  const [found] = rows.filter((row) => timingSafeEqual(Buffer.from(row.secret_hash), shown))
  if (found === undefined) throw fleetError('fleet.ticket-unknown', 'no ticket has this name with this secret')
  return found
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
