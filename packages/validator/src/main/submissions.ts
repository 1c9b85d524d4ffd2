import { userInfo } from 'node:os'
import { decideSubmissionRoute, listSubmissionsRoute } from '../compose/adminRoutes.ts'
import { composeError } from '../compose/errors.ts'
import { callValidator, type ValidatorOptions } from './callValidator.ts'
import { printable, printJson, printLine, printTable } from './print.ts'

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
  for (const { id, reasons } of found.submissions.filter(({ stage }) => stage === 'asked')) {
    printLine(`\nWaits for your decision: ${id}`)
    for (const reason of reasons) printLine(`  ${printable(reason)}`)
    printLine(`  countersign-validator submissions decide ${id} certify|refuse --why <words>`)
  }
}

/** Options of `submissions decide`. */
export interface DecideOptions extends ValidatorOptions {
  readonly why: string
  readonly by?: string
}

/** `countersign-validator submissions decide`. Throws `validator.answer-invalid` for another word than the two. */
export async function decide(id: string, answer: string, options: DecideOptions): Promise<void> {
  if (answer !== 'certify' && answer !== 'refuse') {
    throw composeError('validator.answer-invalid', `"${printable(answer.slice(0, 40))}" is neither`)
  }
  const body = { does: answer, by: options.by ?? userInfo().username, why: options.why } as const
  const decided = await callValidator(options.data, decideSubmissionRoute, { params: { id }, body })
  if (options.json) return printJson(decided)
  const goesOn = decided.stage === 'refused' ? 'It is refused.' : 'It is being certified.'
  printLine(`Recorded, over advisory state ${decided.state}: ${decided.decision}. ${goesOn}`)
  for (const reason of decided.reasons) printLine(`  ${printable(reason)}`)
}
