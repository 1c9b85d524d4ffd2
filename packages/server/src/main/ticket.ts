import { createTicketRoute } from '@countersign/protocol/api/admin.ts'
import { type AdminOptions, callAdmin } from './callAdmin.ts'
import { printJson, printLine } from './print.ts'

/** `countersign-server ticket`. The ticket alone goes to standard output, so that it can be piped. */
export async function ticket(options: AdminOptions & { validHours: number }): Promise<void> {
  const made = await callAdmin(options.data, createTicketRoute, { body: { validityHours: options.validHours } })
  if (options.json) return printJson(made)
  process.stderr.write(`Valid until ${made.expires}. On the other machine: countersign trust add <ticket>\n`)
  printLine(made.ticket)
}
