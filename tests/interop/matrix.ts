/** One question that another program answered. */
export interface Cell {
  readonly row: string
  readonly column: string
  readonly passed: boolean
  readonly detail: string
}

/** Collects the answers of one table. Every cell that is announced must be answered, or the table fails. */
export class Matrix {
  readonly title: string
  readonly #rows: readonly string[]
  readonly #columns: readonly string[]
  readonly #cells = new Map<string, Cell>()

  constructor(title: string, rows: readonly string[], columns: readonly string[]) {
    this.title = title
    this.#rows = rows
    this.#columns = columns
  }

  /** Asks for one cell, and tells whether it passed. What `ask` throws is the answer "failed". */
  async fill(row: string, column: string, ask: () => Promise<void>): Promise<boolean> {
    if (!this.#rows.includes(row) || !this.#columns.includes(column)) throw new Error(`no cell ${row} × ${column}`)
    const failure = await ask().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    )
    this.#cells.set(`${row}\n${column}`, { row, column, passed: failure === undefined, detail: failure ?? '' })
    return failure === undefined
  }

  /** Every cell that was announced; one that was never asked for counts as failed. */
  cells(): Cell[] {
    return this.#rows.flatMap((row) =>
      this.#columns.map(
        (column) =>
          this.#cells.get(`${row}\n${column}`) ?? { row, column, passed: false, detail: 'this cell did not run' },
      ),
    )
  }

  /** The table as text. */
  toString(): string {
    const cells = this.cells()
    const mark = (row: string, column: string) =>
      cells.find((cell) => cell.row === row && cell.column === column)?.passed ? 'ok' : 'FAILED'
    const table = [
      ['', ...this.#columns],
      ...this.#rows.map((row) => [row, ...this.#columns.map((column) => mark(row, column))]),
    ]
    const widths = table[0]?.map((_, at) => Math.max(...table.map((line) => line[at]?.length ?? 0))) ?? []
    const lines = table.map((line) =>
      line
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    return [this.title, ...lines.map((line) => `  ${line}`)].join('\n')
  }
}
