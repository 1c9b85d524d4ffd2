import type { DatabaseSync } from 'node:sqlite'

/** Something that a server owes its client. `lost`: what it acknowledged is gone; `duplicate`: one thing has two places. */
export interface Fault {
  readonly kind: 'lost' | 'duplicate' | 'broken'
  readonly message: string
}

/** Names that stand there more than once. */
export function twice(names: readonly string[]): Fault[] {
  const seen = new Set<string>()
  return names.flatMap((name): Fault[] => {
    const isKnown = seen.has(name)
    seen.add(name)
    return isKnown ? [{ kind: 'duplicate', message: `${name} is there twice` }] : []
  })
}

/** Reads rows. */
export function select<Row>(database: DatabaseSync, sql: string): Row[] {
  return database.prepare(sql).all() as Row[]
}
