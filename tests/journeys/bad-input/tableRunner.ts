import { type AuditEntry, countedRefusals, readAuditEntries, wrongGrowth } from './auditGrowth.ts'
import type { BadInput, Outcome } from './badInput.ts'
import { differences, digestOf, type Place, readState, type State } from './state.ts'

/** A row after it ran. */
export interface Result extends Pick<BadInput, 'input' | 'expectedCode'> {
  readonly outcome: Outcome
  readonly before: string
  readonly after: string
  /** Everything that is not as it should be; empty where the row passed. */
  readonly faults: readonly string[]
}

/** Runs rows one after the other and compares state and audit log around each of them. */
export class TableRunner {
  readonly #places: readonly Place[]
  readonly #counted = new Map<string, number>()
  readonly results: Result[] = []

  constructor(places: readonly Place[]) {
    this.#places = places
  }

  /** Runs one row. Never rejects: what goes wrong is a fault of the row. */
  async run(row: BadInput): Promise<Result> {
    const { input, expectedCode, expectedExit, recorded } = row
    if (recorded === 'counted') this.#counted.set(expectedCode, (this.#counted.get(expectedCode) ?? 0) + 1)
    const [before, known] = [this.#read(row), readAuditEntries(this.#places)]
    const faults: string[] = []
    const outcome = await row.run().catch((error: unknown): Outcome => {
      faults.push(error instanceof Error ? error.message : String(error))
      return { code: 'none', exitCode: null }
    })
    const [after, entries] = [this.#read(row), readAuditEntries(this.#places)]
    if (outcome.code !== expectedCode) faults.push(`answered ${outcome.code}`)
    if (outcome.exitCode !== expectedExit) faults.push(`ended with ${outcome.exitCode}, not ${expectedExit}`)
    const changed = differences(before, after)
    if (changed.length > 0) faults.push(`changed ${changed.join(', ')}`)
    const growth = wrongGrowth(recorded, expectedCode, newEntries(known, entries))
    if (growth) faults.push(growth)
    const result = { input, expectedCode, outcome, faults, before: digestOf(before), after: digestOf(after) }
    this.results.push(result)
    return result
  }

  /** The state that `row` must leave as it is. */
  #read({ mayChange }: BadInput): State {
    const state = readState(this.#places)
    return mayChange === undefined ? state : new Map([...state].filter(([name]) => !mayChange.test(name)))
  }

  /** Compares what was counted for unknown callers with what the rows announced. All servers must have stopped. */
  faultsOfCounts(): string[] {
    const counts = countedRefusals(readAuditEntries(this.#places))
    const codes = new Set([...counts.keys(), ...this.#counted.keys()])
    return [...codes].flatMap((code) => {
      const [got, wanted] = [counts.get(code) ?? 0, this.#counted.get(code) ?? 0]
      return got === wanted ? [] : [`${code}: ${got} counted, not ${wanted}`]
    })
  }
}

/** Entries of `after` that `before` does not have, instance by instance. */
function newEntries(before: readonly AuditEntry[], after: readonly AuditEntry[]): AuditEntry[] {
  return [...new Set(after.map(({ instance }) => instance))].flatMap((name) => {
    const known = before.filter(({ instance }) => instance === name).length
    return after.filter(({ instance }) => instance === name).slice(known)
  })
}
