import type { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import { type Certificate, parseCertificate } from '@countersign/protocol/x509/certificate.ts'
import { type CertificateRequest, parseCertificateRequest } from '@countersign/protocol/x509/csr.ts'
import type { Kysely } from 'kysely'
import type { AuditIntent } from '../account/audit/auditStore.ts'
import type { CallerRequest, KnownCaller } from './callers.ts'
import { signClientCertificate } from './clientCertificate.ts'
import { fleetError } from './errors.ts'
import type { FleetDeps } from './fleetDeps.ts'
import type { FleetTables, MemberKind } from './fleetTables.ts'
import type { MemberName } from './members.ts'
import { findTicket, type ShownTicket } from './tickets.ts'

/** How long the last certificate still counts after a renewal: its owner may not have got the answer. */
export const RENEWAL_GRACE_DAYS = 7

const DAY_MS = 86_400_000

/**
 * Issues the first client certificate for a ticket's secret (RFC 7030, 4.2.1). The first enrolment under a name is admitted;
 * a later one takes the name over, so it waits for the operator, and the certificates of the one before count no more.
 * The same secret with the same key again, while the ticket lives: the same certificate. Durable before it is answered.
 * Throws `fleet.secret-missing`, `fleet.ticket-unknown`, `fleet.ticket-used`, `fleet.ticket-expired`,
 * `fleet.request-malformed`, `fleet.key-unsupported`, `fleet.issuer-expiring`.
 */
export async function enrol(
  deps: FleetDeps,
  authorization: string | undefined,
  pkcs10: Uint8Array,
): Promise<Certificate> {
  const { name, secret } = readBasic(authorization)
  const { database, clock, audit, callers } = deps
  const ticket = await findTicket(database.tables<FleetTables>(), name, secret)
  const member = { kind: ticket.kind as MemberKind, name }
  const request = readRequest(pkcs10)
  const now = clock.now()
  checkTicket(ticket, request, now)
  const signed = await signClientCertificate(deps, { member, spki: request.spki }, now)
  const outcome = await database.transaction<FleetTables, Outcome>('fleet.enrolment', async (trx) => {
    // Read again: of two requests at once the first to get here wins, and the other's certificate was never recorded.
    const current = await findTicket(trx, name, secret)
    checkTicket(current, request, now)
    if (current.serial !== null) return { certificate: await readCertificate(trx, current.serial) }
    await trx
      .updateTable('fleet_tickets')
      .set({ key_id: signed.keyId, serial: signed.serialHex })
      .where('id', '=', current.id)
      .execute()
    const state = await takeName(trx, member, now)
    await record(deps, trx, member, signed, now)
    const detail = { ...member, serial: signed.serialHex, state }
    return {
      certificate: signed,
      intent: await audit.intend(trx, { kind: 'member.enrolled', actor: { ...member }, detail }),
    }
  })
  await callers.refresh(member.kind, name)
  if (outcome.intent !== undefined) await audit.settle(outcome.intent)
  return outcome.certificate
}

/**
 * Renews the client certificate of the caller, for the same or a new key; the name stays (RFC 7030, 4.2.2). The ones before
 * count for `RENEWAL_GRACE_DAYS` more. The same key again within that time: the same certificate.
 * Throws what `Callers.callerOf` throws, `fleet.request-malformed`, `fleet.key-unsupported`, `fleet.issuer-expiring`.
 */
export async function renew(deps: FleetDeps, caller: CallerRequest, pkcs10: Uint8Array): Promise<Certificate> {
  const { database, clock, audit, callers } = deps
  const known = callers.callerOf(caller)
  const member = { kind: known.kind, name: known.name }
  const request = readRequest(pkcs10)
  const now = clock.now()
  const signed = await signClientCertificate(deps, { member, spki: request.spki }, now)
  const outcome = await database.transaction<FleetTables, Outcome>('fleet.renewal', async (trx) => {
    const repeated = await findRenewed(trx, known, signed.keyId, now)
    if (repeated !== undefined) return { certificate: repeated }
    await supersede(trx, member, now.getTime() + RENEWAL_GRACE_DAYS * DAY_MS)
    await record(deps, trx, member, signed, now)
    const detail = { ...member, serial: signed.serialHex }
    return {
      certificate: signed,
      intent: await audit.intend(trx, { kind: 'member.renewed', actor: { ...member }, detail }),
    }
  })
  await callers.refresh(member.kind, member.name)
  if (outcome.intent !== undefined) await audit.settle(outcome.intent)
  return outcome.certificate
}

interface Outcome {
  readonly certificate: Certificate
  /** Absent where nothing new was issued. */
  readonly intent?: AuditIntent
}

/** `Basic` of RFC 7617; the name has no colon. */
function readBasic(authorization: string | undefined): { name: string; secret: string } {
  const encoded = /^Basic +([A-Za-z0-9+/]{1,1024}={0,2})$/i.exec(authorization ?? '')?.[1]
  const [, name, secret] = /^([^:]+):(.+)$/.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? []
  if (name === undefined || secret === undefined) {
    throw fleetError('fleet.secret-missing', 'the request carries no name and secret')
  }
  return { name, secret }
}

/** A request in base64, line breaks allowed (RFC 7030, 4.2.1), or as bare DER, which some clients send. */
function readRequest(body: Uint8Array): CertificateRequest & { readonly keyId: string } {
  try {
    const der = body[0] === 0x30 ? body : Uint8Array.fromBase64(Buffer.from(body).toString('latin1'))
    const request = parseCertificateRequest(der)
    return { ...request, keyId: toHex(sha256(request.spki)) }
  } catch (cause) {
    const code =
      (cause as Partial<CodedError>).code === 'x509.key-unsupported'
        ? 'fleet.key-unsupported'
        : 'fleet.request-malformed'
    const message = cause instanceof SyntaxError ? 'the request is not base64' : (cause as Error).message
    throw fleetError(code, message, { cause })
  }
}

function checkTicket(ticket: ShownTicket, { keyId }: { readonly keyId: string }, now: Date): void {
  if (ticket.key_id !== null && ticket.key_id !== keyId) {
    throw fleetError('fleet.ticket-used', `the ticket of ${ticket.name} was used with another key`)
  }
  if (ticket.expires_ms < now.getTime()) {
    throw fleetError('fleet.ticket-expired', `the ticket of ${ticket.name} has expired`)
  }
}

/** The state after an enrolment: admitted for who was invited, else pending, with everything that counted before ended. */
async function takeName(trx: Kysely<FleetTables>, { kind, name }: MemberName, now: Date): Promise<string> {
  const { state: before } = await trx
    .selectFrom('fleet_members')
    .select('state')
    .where('kind', '=', kind)
    .where('name', '=', name)
    .executeTakeFirstOrThrow()
  // A validator's name is let in again by `addValidator` alone, which an operator calls for that purpose.
  const state = before === 'invited' || kind === 'validators' ? 'admitted' : 'pending'
  const values = { state, last_seen_ms: now.getTime() }
  await trx.updateTable('fleet_members').set(values).where('kind', '=', kind).where('name', '=', name).execute()
  await supersede(trx, { kind, name }, now.getTime())
  return state
}

async function supersede(trx: Kysely<FleetTables>, { kind, name }: MemberName, atMs: number): Promise<void> {
  await trx
    .updateTable('fleet_certificates')
    .set({ superseded_ms: atMs })
    .where('kind', '=', kind)
    .where('name', '=', name)
    .where((where) => where.or([where('superseded_ms', 'is', null), where('superseded_ms', '>', atMs)]))
    .execute()
}

async function record(
  { issuer }: Pick<FleetDeps, 'issuer'>,
  trx: Kysely<FleetTables>,
  { kind, name }: MemberName,
  certificate: Certificate,
  now: Date,
): Promise<void> {
  await trx
    .insertInto('fleet_certificates')
    .values({
      serial: certificate.serialHex,
      issuer_key_id: issuer.keyId,
      kind,
      name,
      key_id: certificate.keyId,
      certificate: certificate.raw,
      issued_ms: now.getTime(),
      not_after_ms: certificate.notAfter.getTime(),
      superseded_ms: null,
      revoked: 0,
    })
    .execute()
}

async function readCertificate(trx: Kysely<FleetTables>, serial: string): Promise<Certificate> {
  const { certificate } = await trx
    .selectFrom('fleet_certificates')
    .select('certificate')
    .where('serial', '=', serial)
    .executeTakeFirstOrThrow()
  return parseCertificate(new Uint8Array(certificate))
}

/** The newest certificate, where a renewal from `caller` with this key made it and only its answer was lost. */
async function findRenewed(
  trx: Kysely<FleetTables>,
  { kind, name, serial }: KnownCaller,
  keyId: string,
  now: Date,
): Promise<Certificate | undefined> {
  const row = await trx
    .selectFrom('fleet_certificates')
    .select('certificate')
    .where('kind', '=', kind)
    .where('name', '=', name)
    .where('key_id', '=', keyId)
    .where('serial', '!=', serial)
    .where('superseded_ms', 'is', null)
    .where('issued_ms', '>=', now.getTime() - RENEWAL_GRACE_DAYS * DAY_MS)
    .executeTakeFirst()
  return row && parseCertificate(new Uint8Array(row.certificate))
}
