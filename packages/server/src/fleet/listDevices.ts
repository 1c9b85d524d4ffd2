import type { deviceRecord } from '@countersign/protocol/api/devices.ts'
import { durationMs } from '@countersign/protocol/policy/duration.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { Selectable } from 'kysely'
import type { z } from 'zod'
import { effective } from './assignments.ts'
import type { FleetDeps } from './fleetDeps.ts'
import type { AssignmentRow, FleetTables, MemberRow, ReportRow } from './fleetTables.ts'

/** One device as operators see it. */
export type DeviceRecord = z.infer<typeof deviceRecord>

/** What listing devices stands on. */
export interface ListDevicesDeps extends Pick<FleetDeps, 'database' | 'clock'> {
  /** The verification policy as it is distributed now: it says when silence counts. */
  policy(): Promise<VerificationPolicy>
}

/** The newest entry of the revocation log, as far as devices have to know it. */
interface NewestRevocation {
  readonly index: number
  readonly writtenMs: number
}

/** Every device, by name, with what it is assigned and reports, and why somebody should look at it. */
export async function listDevices({ database, clock, policy }: ListDevicesDeps): Promise<DeviceRecord[]> {
  const tables = database.tables<FleetTables>()
  const members = await tables
    .selectFrom('fleet_members')
    .selectAll()
    .where('kind', '=', 'devices')
    .orderBy('name')
    .execute()
  const reports = new Map(
    (await tables.selectFrom('fleet_reports').selectAll().execute()).map((row) => [row.device, row]),
  )
  const assignments = new Map<string, AssignmentRow>()
  for (const row of await tables.selectFrom('fleet_assignments').selectAll().execute()) {
    assignments.set(`${row.to_kind} ${row.to_name}`, row)
  }
  const { silence } = await policy()
  const newest = await newestRevocation({ database })
  return members.map((member) => {
    const report = reports.get(member.name)
    const assigned = effective(
      [assignments.get(`device ${member.name}`), assignments.get(`group ${member.group_name}`)].filter(
        (row) => row !== undefined,
      ),
    )
    const bound = silence.groups?.find(({ group }) => group === member.group_name)?.bound ?? silence.bound
    const silentFor = { boundMs: durationMs(bound), now: clock.now().getTime(), newest }
    return {
      name: member.name,
      group: member.group_name,
      state: member.state as DeviceRecord['state'],
      ...(assigned && { assignment: assigned.assignment }),
      isOwnAssignment: assigned?.isOwn ?? false,
      ...(member.last_seen_ms !== null && { lastSeenAt: new Date(member.last_seen_ms).toISOString() }),
      ...(report && { report: JSON.parse(report.report) }),
      attention: attentionOf(member, report, silentFor),
    }
  })
}

async function newestRevocation({ database }: Pick<FleetDeps, 'database'>): Promise<NewestRevocation | undefined> {
  const row = await database
    .tables<FleetTables>()
    .selectFrom('trust_revocations')
    .select(['log_index', 'written_ms'])
    .where('log_index', 'is not', null)
    .orderBy('log_index', 'desc')
    .executeTakeFirst()
  return row && { index: Number(row.log_index), writtenMs: row.written_ms }
}

interface SilenceBound {
  readonly boundMs: number
  readonly now: number
  readonly newest: NewestRevocation | undefined
}

function attentionOf(
  { name, state, last_seen_ms: lastSeenMs, created_ms: createdMs }: MemberRow,
  report: Selectable<ReportRow> | undefined,
  { boundMs, now, newest }: SilenceBound,
): DeviceRecord['attention'] {
  const attention: DeviceRecord['attention'] = []
  if (state === 'pending') {
    const message = `${name} took over a known name and waits: \`devices admit ${name}\`, or \`devices remove ${name}\``
    attention.push({ code: 'fleet.pending', message })
  }
  if (report?.went_back && state !== 'removed') {
    const message = `the state of ${name} went back (${report.went_back}): a restored snapshot, or a copy of the device`
    attention.push({ code: 'fleet.state-went-back', message })
  }
  if (state !== 'admitted') return attention
  const since = lastSeenMs ?? createdMs
  const missed = newest !== undefined && (report?.acknowledged ?? 0) <= newest.index
  // What enrolled after the revocation gets the same time for its first report.
  const missingMs = Math.max(newest?.writtenMs ?? 0, report === undefined ? since : 0)
  if (missed && missingMs + boundMs < now) {
    const message = `${name} has not acknowledged revocation ${newest.index} of ${new Date(newest.writtenMs).toISOString()}`
    attention.push({ code: 'fleet.silent', message })
  } else if (since + boundMs < now) {
    attention.push({ code: 'fleet.silent', message: `${name} was last heard of at ${new Date(since).toISOString()}` })
  }
  return attention
}
