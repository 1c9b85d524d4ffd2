import {
  addValidatorRoute,
  listValidatorsRoute,
  removeValidatorRoute,
} from '@countersign/protocol/api/certifications.ts'
import { type AdminOptions, callAdmin } from './callAdmin.ts'
import { printJson, printLine, printTable } from './print.ts'

/** `countersign-server validators add`. The ticket alone goes to standard output, so that it can be piped. */
export async function add(
  name: string,
  options: AdminOptions & { validHours: number; sameOperator?: boolean },
): Promise<void> {
  const body = { name, validityHours: options.validHours, otherOperator: options.sameOperator !== true }
  const added = await callAdmin(options.data, addValidatorRoute, { body })
  if (options.json) return printJson(added)
  process.stderr.write(`For ${added.name}, once, until ${added.expires}. There: countersign-validator serve\n`)
  printLine(added.ticket)
}

/** `countersign-server validators list`. */
export async function list(options: AdminOptions): Promise<void> {
  const { validators } = await callAdmin(options.data, listValidatorsRoute, {})
  if (options.json) return printJson({ validators })
  if (validators.length === 0) printLine('No validator yet. `countersign-server validators add <name>` lets one in.')
  printTable(
    validators.map((one) => [
      one.name,
      one.state,
      one.otherOperator ? 'another operator' : 'the same operator',
      one.lastSeenAt ? `seen ${one.lastSeenAt}` : 'never seen',
      one.subject,
    ]),
  )
}

/** `countersign-server validators remove`. */
export async function remove(name: string, options: AdminOptions): Promise<void> {
  const removed = await callAdmin(options.data, removeValidatorRoute, { body: { name } })
  if (options.json) return printJson(removed)
  printLine(`${removed.name} certifies no more. What it certified stays until it is revoked.`)
}
