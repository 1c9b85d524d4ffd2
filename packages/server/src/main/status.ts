import { getStatusRoute, type InstanceStatus } from '@countersign/protocol/api/admin.ts'
import { deviceRows, validatorRow } from '../instance/fleetRows.ts'
import { type AdminOptions, callAdmin } from './callAdmin.ts'
import { printJson, printLine, printTable } from './print.ts'

/** `countersign-server status`. Resolves with 1 when something needs attention, else 0. */
export async function status(options: AdminOptions): Promise<number> {
  const found = await callAdmin(options.data, getStatusRoute, {})
  if (options.json) printJson(found)
  else printStatus(found)
  return found.attention.length === 0 ? 0 : 1
}

function printStatus(found: InstanceStatus): void {
  printLine(`Countersign ${found.version}, ${found.environment} instance, running since ${found.startedAt}`)
  printTable([
    ['public', found.publicUrl],
    ['plain', found.publicHttpUrl],
    ['issuer', found.issuer],
    ['clock', found.clock.now],
    ['newest checkpoint', found.clock.newestCheckpoint],
    ['disk', `${gibibytes(found.disk.freeBytes)} of ${gibibytes(found.disk.totalBytes)} free`],
    ['scheduled work', found.scheduledWorkPaused ? 'paused' : 'running'],
  ])
  printLine('\nLogs')
  printTable(found.logs.map((log) => [`  ${log.name}`, log.origin, `size ${log.size}`, `root ${log.root}`]))
  printLine('\nWhat ends when')
  printTable(found.expiries.map((one) => [`  ${one.name}`, one.notAfter]))
  printLine('\nProtections')
  printTable(found.protections.map((one) => [`  ${one.name}`, one.active ? 'active' : 'NOT active', one.detail]))
  printLine('\nValidators')
  printTable(found.validators.map((one) => indented(validatorRow(one))))
  printLine('\nDevices')
  printTable(deviceRows(found.devices).map(indented))
  printLine()
  printLine(found.attention.length === 0 ? 'Nothing needs attention.' : 'Needs attention')
  printTable(found.attention.map((one) => [`  ${one.message}`, `(${one.code})`]))
}

function indented([first = '', ...others]: readonly string[]): string[] {
  return [`  ${first}`, ...others]
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}
