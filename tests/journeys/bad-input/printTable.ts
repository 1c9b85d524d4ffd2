import { whyShared } from './sharedCodes.ts'
import type { Result } from './tableRunner.ts'

const headings = ['input', 'expected code', 'code', 'exit', 'state before', 'after', 'result']

/** Prints the table; codes of several checks stand below each other, and why rows share a code stands in notes below. */
export function printTable(results: readonly Result[]): void {
  const shared = Object.keys(whyShared)
  const rows = results.map((result) => cellsOf(result, shared))
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.flatMap((row) => (row[column] ?? []).map((line) => line.length))),
  )
  const print = (cells: readonly string[]) =>
    console.log(
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
  print(headings)
  print(widths.map((width) => '-'.repeat(width)))
  for (const row of rows) {
    const height = Math.max(...row.map((lines) => lines.length))
    for (let line = 0; line < height; line += 1) print(row.map((lines) => lines[line] ?? ''))
  }
  printNotes()
}

function cellsOf(result: Result, shared: readonly string[]): string[][] {
  const { input, expectedCode, outcome, before, after, faults } = result
  const note = shared.includes(expectedCode) ? ` [${shared.indexOf(expectedCode) + 1}]` : ''
  return [
    [input],
    `${expectedCode}${note}`.split(/ (?!\[)/),
    outcome.code.split(' '),
    [String(outcome.exitCode ?? '-')],
    [before.slice(0, 12)],
    [after.slice(0, 12)],
    faults.length === 0 ? ['passed'] : ['FAILED'],
  ]
}

function printNotes(): void {
  console.log(
    '\nState is every row of the databases, every file of the instances with their secrets, and every file of clients and devices,',
  )
  console.log(
    'without what is on record of a refusal (audit log, reports, submissions, evidence, counts of wrong codes) and without locks.',
  )
  console.log('Of `verify` and `log audit` the codes of all failed checks stand below each other.')
  console.log('\nRows share a code where the caller must not learn the difference, or would do the same:')
  for (const [at, [code, why]] of Object.entries(whyShared).entries()) console.log(`  [${at + 1}] ${code}: ${why}`)
}
