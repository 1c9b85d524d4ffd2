import type { Check } from '@countersign/protocol/bundle/verifyBundle.ts'

const marks = { passed: 'passed', failed: 'FAILED', 'not checked': 'not checked' } as const

/** Every check as one line of a table: name, result, what was found, and the code of a failure. */
export function checkTable(checks: readonly Check[]): string[] {
  const nameWidth = Math.max(...checks.map((check) => check.name.length))
  return checks.map(({ name, result, code, detail }) => {
    const found = code === undefined ? detail : `${detail} (${code})`
    return `  ${name.padEnd(nameWidth)}  ${marks[result].padEnd(11)}  ${printable(found)}`
  })
}

/** Text of strangers without control characters, which could move a terminal's cursor. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}|\p{Cf}/gu, '\u{fffd}')
}
