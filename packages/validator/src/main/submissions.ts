import { listSubmissionsRoute } from '../compose/adminRoutes.ts'
import { callValidator, type ValidatorOptions } from './callValidator.ts'
import { printJson, printLine, printTable } from './print.ts'

/** `countersign-validator submissions list`. */
export async function list(options: ValidatorOptions & { readonly limit: number }): Promise<void> {
  const found = await callValidator(options.data, listSubmissionsRoute, { query: { limit: String(options.limit) } })
  if (options.json) return printJson(found)
  if (found.submissions.length === 0) return printLine('Nothing was submitted yet.')
  printTable(
    found.submissions.map((one) => [
      one.submittedAt,
      `${one.product ?? one.name} ${one.version ?? ''}`,
      one.stage,
      one.verdict ?? '',
      one.number === undefined ? (one.reasons[0] ?? '') : `number ${one.number}`,
    ]),
  )
}
