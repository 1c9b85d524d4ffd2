import type { Assignment } from '@countersign/protocol/api/devices.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import type { Kysely } from 'kysely'
import type { AuditIntent } from '../account/audit/auditStore.ts'
import { fleetError } from './errors.ts'
import type { FleetDeps } from './fleetDeps.ts'
import type { AssignmentRow, FleetTables } from './fleetTables.ts'

/** Whom an assignment is for. */
export interface AssignmentTarget {
  readonly kind: 'group' | 'device'
  readonly name: string
}

/**
 * Says what a group or a device runs; without `assignment`, that nothing of its own is said any more. A device's own comes
 * before its group's. On record when this resolves; resolves with how many devices it is for.
 * Throws `fleet.device-unknown`. Trusts `caller` to be an operator.
 */
export async function assign(
  deps: FleetDeps,
  caller: JsonValue,
  { to, assignment }: { readonly to: AssignmentTarget; readonly assignment?: Assignment | undefined },
): Promise<{ devices: number }> {
  const { devices, intent } = await deps.database.transaction<FleetTables, Assigned>(
    'fleet.assignment',
    async (trx) => {
      const { devices } = await trx
        .selectFrom('fleet_members')
        .select((select) => select.fn.countAll<number>().as('devices'))
        .where('kind', '=', 'devices')
        .where('state', '!=', 'removed')
        .where(to.kind === 'group' ? 'group_name' : 'name', '=', to.name)
        .executeTakeFirstOrThrow()
      if (to.kind === 'device' && devices === 0) {
        throw fleetError('fleet.device-unknown', `there is no device ${to.name}`)
      }
      await trx.deleteFrom('fleet_assignments').where('to_kind', '=', to.kind).where('to_name', '=', to.name).execute()
      if (assignment !== undefined) {
        const { product, channel, pinned = null } = assignment
        await trx
          .insertInto('fleet_assignments')
          .values({ to_kind: to.kind, to_name: to.name, product, channel, pinned })
          .execute()
      }
      const detail = { to: { ...to }, ...(assignment && { assignment: plain(assignment) }) }
      return { devices, intent: await deps.audit.intend(trx, { kind: 'assignment.set', actor: caller, detail }) }
    },
  )
  await deps.audit.settle(intent)
  void deps.hintCheckIn()
  return { devices }
}

interface Assigned {
  readonly devices: number
  readonly intent: AuditIntent
}

/** What a device is to run: its own assignment, else its group's. */
export interface EffectiveAssignment {
  readonly assignment: Assignment
  readonly isOwn: boolean
}

/** What the device `name` of `group` is to run, or undefined. */
export async function assignmentOf(
  tables: Kysely<FleetTables>,
  { name, group }: { readonly name: string; readonly group: string },
): Promise<EffectiveAssignment | undefined> {
  const rows = await tables
    .selectFrom('fleet_assignments')
    .selectAll()
    .where((where) =>
      where.or([
        where.and([where('to_kind', '=', 'device'), where('to_name', '=', name)]),
        where.and([where('to_kind', '=', 'group'), where('to_name', '=', group)]),
      ]),
    )
    .execute()
  return effective(rows)
}

/** Of the assignments that name a device or its group, the one that counts. */
export function effective(rows: readonly AssignmentRow[]): EffectiveAssignment | undefined {
  const own = rows.find((row) => row.to_kind === 'device')
  const row = own ?? rows[0]
  if (row === undefined) return undefined
  const { product, channel, pinned } = row
  return { assignment: { product, channel, ...(pinned !== null && { pinned }) }, isOwn: own !== undefined }
}

function plain({ product, channel, pinned }: Assignment): JsonValue {
  return { product, channel, ...(pinned !== undefined && { pinned }) }
}
