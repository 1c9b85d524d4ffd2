import { listRevocationRequestsRoute } from '@countersign/protocol/api/revocations.ts'
import { decodeBase64 } from '@countersign/protocol/json/base64.ts'
import { readRecord } from '@countersign/protocol/revocation/record.ts'
import { type AdminOptions, callAdmin } from './callAdmin.ts'
import { printJson, printLine, printTable } from './print.ts'

/** `countersign-server revocations list`: what waits for approvers, and with `all` what was logged. */
export async function list(options: AdminOptions & { readonly all?: boolean }): Promise<void> {
  const query = { all: options.all === true ? 'true' : 'false' }
  const { requests } = await callAdmin(options.data, listRevocationRequestsRoute, { query })
  if (options.json) return printJson({ requests })
  if (requests.length === 0) printLine('No revocation request waits.')
  printTable(
    requests.map(({ id, payload, requestedBy, requestedAt, state, approvals, required, reach, record }) => [
      id,
      requestedAt,
      state === 'logged' ? `logged as record ${record}` : `waiting, ${approvals.length} of ${required} approvals`,
      readRecord(decodeBase64(payload, 'the payload')).reason,
      `${reach.certifications} certifications, ${reach.devices} devices`,
      `by ${requestedBy}`,
    ]),
  )
}
