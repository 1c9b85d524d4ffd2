import type { Outbox } from '@countersign/platform/outbox/outbox.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import type { Kysely, Transaction } from 'kysely'
import type { AuditIntent } from '../account/audit/auditStore.ts'
import { revokeCertificate } from '../trust/revocation/revokeCertificate.ts'
import type { TrustTables } from '../trust/trustTables.ts'
import { fleetError } from './errors.ts'
import type { FleetDeps } from './fleetDeps.ts'
import type { FleetTables } from './fleetTables.ts'
import type { MemberName } from './members.ts'

/** What an operator does to one device. */
export type DeviceChange =
  | { readonly do: 'admit'; readonly device: string }
  | { readonly do: 'move'; readonly device: string; readonly group: string }
  | { readonly do: 'remove'; readonly device: string }

/**
 * Admits a device that waits, or one whose state went back and was looked at; moves one to another group; or removes one:
 * its certificates count no more at once and stand on the next revocation list. On record when this resolves.
 * Throws `fleet.device-unknown`, `fleet.device-state`. Trusts `caller` to be an operator.
 */
export async function changeDevice(
  deps: FleetDeps,
  caller: JsonValue,
  change: DeviceChange,
): Promise<{ device: string }> {
  const { device } = change
  const intent = await deps.database.transaction<FleetTables, AuditIntent>('fleet.device-change', async (trx) => {
    const { state } = await readDevice(trx, device)
    if (change.do === 'admit') await admit(trx, device, state)
    else if (change.do === 'move') await update(trx, device, { group_name: change.group })
    else await revokeMember(deps, trx, { kind: 'devices', name: device })
    return deps.audit.intend(trx, { kind: `device.${change.do}`, actor: caller, detail: { ...change } })
  })
  await deps.callers.refresh('devices', device)
  await deps.audit.settle(intent)
  return { device }
}

async function readDevice(trx: Kysely<FleetTables>, name: string): Promise<{ state: string }> {
  const row = await trx
    .selectFrom('fleet_members')
    .select('state')
    .where('kind', '=', 'devices')
    .where('name', '=', name)
    .executeTakeFirst()
  if (row === undefined) throw fleetError('fleet.device-unknown', `there is no device ${name}`)
  return row
}

async function admit(trx: Kysely<FleetTables>, device: string, state: string): Promise<void> {
  if (state !== 'pending' && state !== 'admitted') {
    throw fleetError('fleet.device-state', `the device ${device} is ${state}`)
  }
  await update(trx, device, { state: 'admitted' })
  const looked = { went_back: null, went_back_ms: null }
  await trx.updateTable('fleet_reports').set(looked).where('device', '=', device).execute()
}

async function update(
  trx: Kysely<FleetTables>,
  name: string,
  values: { readonly state?: string; readonly group_name?: string },
): Promise<void> {
  await trx.updateTable('fleet_members').set(values).where('kind', '=', 'devices').where('name', '=', name).execute()
}

/** Removes a member as part of `trx`: certificates that still count are revoked, open tickets end. */
export async function revokeMember(
  { outbox, clock }: { readonly outbox: Pick<Outbox, 'emit'>; readonly clock: FleetDeps['clock'] },
  trx: Transaction<FleetTables>,
  { kind, name }: MemberName,
): Promise<void> {
  const now = clock.now()
  await trx
    .updateTable('fleet_members')
    .set({ state: 'removed' })
    .where('kind', '=', kind)
    .where('name', '=', name)
    .execute()
  await trx.deleteFrom('fleet_tickets').where('kind', '=', kind).where('name', '=', name).execute()
  // A validator's name may be let in again; what counted before its removal must not come back with it.
  await trx
    .updateTable('fleet_certificates')
    .set({ superseded_ms: now.getTime() })
    .where('kind', '=', kind)
    .where('name', '=', name)
    .where((where) => where.or([where('superseded_ms', 'is', null), where('superseded_ms', '>', now.getTime())]))
    .execute()
  const rows = await trx
    .selectFrom('fleet_certificates')
    .select(['serial', 'issuer_key_id'])
    .where('kind', '=', kind)
    .where('name', '=', name)
    .where('revoked', '=', 0)
    .where('not_after_ms', '>=', now.getTime())
    .execute()
  for (const { serial, issuer_key_id: issuerKeyId } of rows) {
    const effect = { kind: 'distrusted', from: now } as const
    await revokeCertificate(
      { trx: trx as unknown as Transaction<TrustTables>, outbox, now },
      { issuerKeyId, serial, effect, reason: 'cessationOfOperation' },
    )
    await trx.updateTable('fleet_certificates').set({ revoked: 1 }).where('serial', '=', serial).execute()
  }
}
