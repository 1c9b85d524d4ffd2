import { type LocalStatus, localStatusRoute } from '../compose/adminRoutes.ts'
import { callValidator, type ValidatorOptions } from './callValidator.ts'
import { printJson, printLine, printTable } from './print.ts'

/** `countersign-validator status`. Resolves with 1 when something needs attention, else 0. */
export async function status(options: ValidatorOptions): Promise<number> {
  const found = await callValidator(options.data, localStatusRoute)
  if (options.json) printJson(found)
  else printStatus(found)
  return found.told.attention.length === 0 ? 0 : 1
}

function printStatus(found: LocalStatus): void {
  const { told } = found
  printLine(`Validator ${found.name}, ${told.version}, ${found.environment}, running since ${found.startedAt}`)
  printTable([
    ['identity', found.subject],
    ['instance', found.url],
    ['client certificate', `until ${found.clientCertificate.notAfter}`],
    ['advisories', advisoryWords(told.advisories)],
  ])
  printTable(ecosystemRows(told.ecosystems))
  printLine('\nProtections of the inspector')
  printTable(told.protections.map((one) => [`  ${one.name}`, one.active ? 'active' : 'NOT active', one.detail]))
  printLine('\nSubmissions and certifications')
  printTable([...counts(found.submissions, 'submissions'), ...counts(found.certifications, 'certifications')])
  printLine()
  printLine(told.attention.length === 0 ? 'Nothing needs attention.' : 'Needs attention')
  printTable(told.attention.map((one) => [`  ${one.message}`, `(${one.code})`]))
}

/** `advisory data as of …, sample, N records`, as verdicts and certifications say it too. */
export function advisoryWords({ asOf, records, sample }: LocalStatus['told']['advisories']): string {
  if (records === 0) return 'no advisory data: nothing will be certified'
  return `advisory data as of ${asOf ?? 'an unknown time'}, ${sample ? 'sample, ' : ''}${records} records`
}

/** Each ecosystem with how new its data is. */
export function ecosystemRows(ecosystems: LocalStatus['told']['ecosystems']): string[][] {
  return ecosystems.map(({ name, records, asOf }) => {
    return [`  ${name}`, `${records} records`, asOf === undefined ? 'never read whole' : `as of ${asOf}`]
  })
}

function counts(by: Readonly<Record<string, number>>, what: string): string[][] {
  return Object.entries(by).map(([state, count]) => [`  ${what}`, state, String(count)])
}
