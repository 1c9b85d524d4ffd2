import { resolve } from 'node:path'
import type { z } from 'zod'
import {
  importAdvisoriesRoute,
  type importReport,
  listHeldRoute,
  localStatusRoute,
  settleHeldRoute,
  syncAdvisoriesRoute,
} from '../compose/adminRoutes.ts'
import { callValidator, type ValidatorOptions } from './callValidator.ts'
import { printJson, printLine, printTable } from './print.ts'
import { advisoryWords, ecosystemRows } from './status.ts'
import { waiting } from './waiting.ts'

/** All of OSV for one large ecosystem is read in minutes. */
const IMPORT_TIMEOUT_MS = 60 * 60_000

type Report = z.infer<typeof importReport>

/** Options of `advisories import`. */
export interface ImportOptions extends ValidatorOptions {
  /** Takes an http address of another machine. */
  readonly allowPlainHttp?: boolean
}

/** `countersign-validator advisories import`. A folder or zip is named as the person sees it, not as the validator does. */
export async function importFrom(source: string, options: ImportOptions): Promise<void> {
  const place = /^https?:\/\//.test(source) ? source : resolve(source)
  const report = await waiting(`importing ${source}`, () => callImport(place, options))
  if (options.json) return printJson(report)
  printReport(report)
  const { ended, waiting: undecided = [] } = report
  if (ended === undefined) return printLine('What it ends follows once the instance can be reached.')
  if (undecided.length > 0) {
    printLine(`Above the reach limit, so approvers decide: certification ${undecided.join(', ')}.`)
    printLine('  countersign revoke --list')
  }
  printLine(ended.length === 0 ? 'It ends nothing.' : `Ended: certification ${ended.join(', ')}.`)
}

/** `countersign-validator advisories sync`. */
export async function sync(options: ValidatorOptions): Promise<void> {
  const { reports } = await waiting('fetching what has changed', () =>
    callValidator(options.data, syncAdvisoriesRoute, { timeoutMs: IMPORT_TIMEOUT_MS }),
  )
  if (options.json) return printJson({ reports })
  for (const report of reports) printReport(report)
  if (reports.length === 0) printLine('Nothing was imported from an address, so there is nothing to fetch.')
}

/** `countersign-validator advisories status`. */
export async function status(options: ValidatorOptions): Promise<void> {
  const { told } = await callValidator(options.data, localStatusRoute)
  const { advisories, ecosystems } = told
  if (options.json) return printJson({ advisories, ecosystems })
  printLine(advisoryWords(advisories))
  printTable(ecosystemRows(ecosystems))
}

/** `countersign-validator advisories held`. */
export async function held(options: ValidatorOptions): Promise<void> {
  const found = await callValidator(options.data, listHeldRoute)
  if (options.json) return printJson(found)
  if (found.held.length === 0) printLine('No change waits.')
  printTable(found.held.map((one) => [one.id, one.heldAt, `${one.changed} records`, one.reason]))
}

/** `countersign-validator advisories release` and `discard`. */
export async function settle(what: 'release' | 'discard', id: string, options: ValidatorOptions): Promise<void> {
  const settled = await waiting('settling', () =>
    callValidator(options.data, settleHeldRoute, { params: { id }, body: { do: what }, timeoutMs: IMPORT_TIMEOUT_MS }),
  )
  if (options.json) return printJson(settled)
  printLine(what === 'release' ? `Released; the advisory state is ${settled.state} now.` : 'Discarded.')
}

function callImport(source: string, { data, allowPlainHttp = false }: ImportOptions) {
  const body = { source, allowPlainHttp }
  return callValidator(data, importAdvisoriesRoute, { body, timeoutMs: IMPORT_TIMEOUT_MS })
}

function printReport(report: Report): void {
  const { records, changed, refused, sample, held: waits } = report
  printLine(`${records} records read, ${changed} changed${sample ? ', sample data' : ''}.`)
  printTable(refused.slice(0, 20).map((one) => [`  not taken: ${one.name}`, one.message, `(${one.code})`]))
  if (refused.length > 20) printLine(`  and ${refused.length - 20} more`)
  if (waits === undefined) return
  printLine(`Held: ${waits.reason}`)
  printLine(`  countersign-validator advisories release ${waits.id}`)
}
