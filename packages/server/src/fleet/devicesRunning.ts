import type { Database } from '@countersign/platform/database/database.ts'
import type { CertificationName } from '../trust/authority/certifications.ts'
import type { GroupReach } from '../trust/revocation/reachOf.ts'
import type { FleetTables } from './fleetTables.ts'

/** The devices that run something under one of these certifications, by group; every group with a device is listed. */
export async function devicesRunning(
  database: Database,
  certifications: readonly CertificationName[],
): Promise<GroupReach[]> {
  const wanted = new Set(certifications.map(({ authority, number }) => `${authority}:${number}`))
  const tables = database.tables<FleetTables>()
  const devices = await tables
    .selectFrom('fleet_members')
    .select(['name', 'group_name'])
    .where('kind', '=', 'devices')
    .where('state', '=', 'admitted')
    .execute()
  const running = await tables.selectFrom('fleet_running').selectAll().execute()
  const reached = new Set(
    running.filter((row) => wanted.has(`${row.authority}:${row.number}`)).map((row) => row.device),
  )
  const groups = new Map<string, { devices: number; reached: number }>()
  for (const { name, group_name: group } of devices) {
    const counts = groups.get(group) ?? { devices: 0, reached: 0 }
    groups.set(group, { devices: counts.devices + 1, reached: counts.reached + (reached.has(name) ? 1 : 0) })
  }
  return [...groups].map(([group, counts]) => ({ group, ...counts }))
}

/** One device behind a certification. */
export interface DeviceBehind {
  readonly name: string
  readonly group: string
  /** False where it reports something else and its assignment names a release with this artifact. */
  readonly isRunning: boolean
}

/** The devices that run something under a certification, and those that are assigned a release of its artifact. */
export async function devicesOf(
  database: Database,
  { authority, number, sha256 }: CertificationName & { readonly sha256: string },
): Promise<DeviceBehind[]> {
  const tables = database.tables<FleetTables>()
  const running = await tables
    .selectFrom('fleet_running as running')
    .innerJoin('fleet_members as member', 'member.name', 'running.device')
    .select(['member.name', 'member.group_name'])
    .where('member.kind', '=', 'devices')
    .where('running.authority', '=', authority)
    .where('running.number', '=', Number(number))
    .execute()
  const assigned = await tables
    .selectFrom('fleet_releases as released')
    .innerJoin('fleet_assignments as assigned', (join) =>
      join.onRef('assigned.product', '=', 'released.product').onRef('assigned.channel', '=', 'released.channel'),
    )
    .innerJoin('fleet_members as member', (join) =>
      join.on((on) =>
        on.or([
          on.and([on('assigned.to_kind', '=', 'device'), on('member.name', '=', on.ref('assigned.to_name'))]),
          on.and([on('assigned.to_kind', '=', 'group'), on('member.group_name', '=', on.ref('assigned.to_name'))]),
        ]),
      ),
    )
    .select(['member.name', 'member.group_name'])
    .where('member.kind', '=', 'devices')
    .where('member.state', '=', 'admitted')
    .where('released.sha256', '=', sha256)
    .execute()
  const found = new Map<string, DeviceBehind>()
  for (const row of assigned) found.set(row.name, { name: row.name, group: row.group_name, isRunning: false })
  for (const row of running) found.set(row.name, { name: row.name, group: row.group_name, isRunning: true })
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}
