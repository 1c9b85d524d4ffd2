/** Writes one line to standard output. */
export function printLine(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** Writes one JSON object as one line to standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** Writes rows as columns of equal width, without the control characters that a stranger's text may hold. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const clean = rows.map((row) => row.map(printable))
  const widths: number[] = []
  for (const row of clean) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  }
  for (const row of clean) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0))
    printLine(cells.join('  ').trimEnd())
  }
}

/** Text of strangers without control characters, which could move a terminal's cursor. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}|\p{Cf}/gu, '\u{fffd}')
}
