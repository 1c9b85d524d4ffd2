import { addIssuerRoute, listIssuersRoute, removeIssuerRoute } from '@countersign/protocol/api/people.ts'
import { type AdminOptions, callAdmin } from './callAdmin.ts'
import { printJson, printLine, printTable } from './print.ts'

/** `countersign-server issuers list`. */
export async function list(options: AdminOptions): Promise<void> {
  const { issuers } = await callAdmin(options.data, listIssuersRoute, {})
  if (options.json) return printJson({ issuers })
  printTable(issuers.map((one) => [one.url, one.kind, `audience ${one.audience}`, one.embedded ? 'embedded' : '']))
}

/** `countersign-server issuers add`. */
export async function add(
  url: string,
  options: AdminOptions & { kind: 'email' | 'github-workflow'; audience: string },
): Promise<void> {
  const body = { url, kind: options.kind, audience: options.audience }
  const added = await callAdmin(options.data, addIssuerRoute, { body })
  if (options.json) return printJson(added)
  printLine(`Tokens of ${added.url} for audience ${added.audience} are taken from now on.`)
}

/** `countersign-server issuers remove`. */
export async function remove(url: string, options: AdminOptions): Promise<void> {
  const removed = await callAdmin(options.data, removeIssuerRoute, { body: { url } })
  if (options.json) return printJson(removed)
  printLine(`Tokens of ${removed.url} are no longer taken.`)
}
