import { listAuditRoute } from '@countersign/protocol/api/people.ts'
import { type AdminOptions, callAdmin } from './callAdmin.ts'
import { printJson, printTable } from './print.ts'

/** `countersign-server audit`. */
export async function audit(options: AdminOptions & { kind?: string; limit: number }): Promise<void> {
  const query = { limit: String(options.limit), ...(options.kind && { kind: options.kind }) }
  const { lines, before } = await callAdmin(options.data, listAuditRoute, { query })
  if (options.json) return printJson({ lines, ...(before && { before }) })
  printTable(
    lines.map((line) => [
      line.index ?? '-',
      line.at,
      line.kind,
      JSON.stringify(line.actor),
      JSON.stringify(line.detail),
    ]),
  )
}
