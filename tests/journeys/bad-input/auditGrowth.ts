import { existsSync } from 'node:fs'
import type { Recorded } from './badInput.ts'
import { databaseOf, type Place, withDatabase } from './state.ts'

/** One entry of an audit trail, with what its database knows of it. */
export interface AuditEntry {
  readonly instance: string
  readonly kind: string
  /** The code of a refusal. */
  readonly code: string | undefined
  /** How many refusals of unknown callers it stands for. */
  readonly count: number | undefined
}

/** All entries of all instances. The audit log of each must hold exactly those. */
export function readAuditEntries(places: readonly Place[]): AuditEntry[] {
  return places.filter(({ kind, folder }) => kind === 'instance' && existsSync(databaseOf(folder))).flatMap(entriesOf)
}

function entriesOf({ name, folder }: Place): AuditEntry[] {
  return withDatabase(databaseOf(folder), (database) => {
    const rows = database.prepare('SELECT kind, detail FROM account_audit_entries ORDER BY id').all()
    const size = Number(database.prepare("SELECT size FROM log WHERE name = 'audit'").get()?.size ?? 0)
    if (size !== rows.length) throw new Error(`the audit log of ${name} has ${size} entries, its trail ${rows.length}`)
    return rows.map(({ kind, detail }) => {
      const { code, count } = JSON.parse(String(detail)) as { code?: string; count?: number }
      return { instance: name, kind: String(kind), code, count }
    })
  })
}

/** Says what the audit log gained besides what it should have, or nothing. `gained` in the order of the entries. */
export function wrongGrowth(recorded: Recorded, code: string, gained: readonly AuditEntry[]): string | undefined {
  const wanted = wantedEntries(recorded, code)
  const got = gained.map(describe).join(', ')
  return got === wanted.join(', ') ? undefined : `the audit log gained [${got}] in place of [${wanted.join(', ')}]`
}

function wantedEntries(recorded: Recorded, code: string): readonly string[] {
  if (recorded === 'entry') return [`refusal ${code}`]
  // Counts are in memory until their minute has ended; they are compared when the servers have stopped.
  if (recorded === 'counted' || recorded === 'nothing') return []
  return recorded.kinds
}

function describe({ kind, code }: AuditEntry): string {
  return code === undefined ? kind : `${kind} ${code}`
}

/** How often each code was counted for unknown callers. */
export function countedRefusals(entries: readonly AuditEntry[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { kind, code = '', count = 0 } of entries) {
    if (kind === 'refusal.unknown') counts.set(code, (counts.get(code) ?? 0) + count)
  }
  return counts
}
