import {
  assignRoute,
  changeDeviceRoute,
  createDeviceTicketRoute,
  listDevicesRoute,
} from '@countersign/protocol/api/devices.ts'
import { type AdminOptions, callAdmin } from './callAdmin.ts'
import { printJson, printLine, printTable } from './print.ts'

/** `countersign-server devices ticket`. The ticket alone goes to standard output, so that it can be piped. */
export async function ticket(
  device: string,
  options: AdminOptions & { group: string; validHours: number },
): Promise<void> {
  const body = { device, group: options.group, validityHours: options.validHours }
  const made = await callAdmin(options.data, createDeviceTicketRoute, { body })
  if (options.json) return printJson(made)
  process.stderr.write(`For ${made.device}, once, until ${made.expires}. On the device: countersign-agent enrol\n`)
  printLine(made.ticket)
}

/** `countersign-server devices list`. Resolves with 1 when a device needs attention, else 0. */
export async function list(options: AdminOptions): Promise<number> {
  const { devices } = await callAdmin(options.data, listDevicesRoute, {})
  const attention = devices.flatMap((device) => device.attention)
  if (options.json) printJson({ devices })
  else {
    if (devices.length === 0)
      printLine('No device yet. `countersign-server devices ticket <name>` lets the first one in.')
    printTable(
      devices.map(({ name, group, state, assignment, isOwnAssignment, lastSeenAt, report }) => [
        name,
        group,
        state,
        assignment
          ? `${assignment.product}/${assignment.channel}${assignment.pinned ? ` at ${assignment.pinned}` : ''}`
          : '-',
        isOwnAssignment ? 'its own' : "its group's",
        report?.running ? `runs ${report.running.product} ${report.running.version}` : 'runs nothing',
        lastSeenAt ? `seen ${lastSeenAt}` : 'never seen',
      ]),
    )
    for (const one of attention) printLine(`  ${one.message} (${one.code})`)
  }
  return attention.length === 0 ? 0 : 1
}

/** `countersign-server devices admit`. */
export async function admit(device: string, options: AdminOptions): Promise<void> {
  const changed = await callAdmin(options.data, changeDeviceRoute, { body: { do: 'admit', device } })
  if (options.json) return printJson(changed)
  printLine(`${device} is admitted.`)
}

/** `countersign-server devices move`. */
export async function move(device: string, group: string, options: AdminOptions): Promise<void> {
  const changed = await callAdmin(options.data, changeDeviceRoute, { body: { do: 'move', device, group } })
  if (options.json) return printJson(changed)
  printLine(`${device} belongs to ${group} now.`)
}

/** `countersign-server devices remove`. */
export async function remove(device: string, options: AdminOptions): Promise<void> {
  const changed = await callAdmin(options.data, changeDeviceRoute, { body: { do: 'remove', device } })
  if (options.json) return printJson(changed)
  printLine(`${device} is removed: its certificates count no more. What it runs goes on until its own policy stops it.`)
}

/** Options of `assign`. */
export interface AssignOptions extends AdminOptions {
  readonly channel: string
  readonly pin?: string
  readonly none?: boolean
}

/** `countersign-server devices assign` and `countersign-server groups assign`. */
export async function assign(
  kind: 'device' | 'group',
  name: string,
  product: string | undefined,
  options: AssignOptions,
): Promise<void> {
  const { channel, pin } = options
  const assignment = product === undefined ? undefined : { product, channel, ...(pin !== undefined && { pinned: pin }) }
  const body = { to: { kind, name }, ...(assignment && { assignment }) }
  const assigned = await callAdmin(options.data, assignRoute, { body })
  if (options.json) return printJson(assigned)
  const what = assignment ? `${product}/${channel}${pin === undefined ? '' : ` at ${pin}`}` : 'nothing of its own'
  printLine(
    `The ${kind} ${name} is assigned ${what}: ${assigned.devices} ${assigned.devices === 1 ? 'device' : 'devices'}.`,
  )
}
