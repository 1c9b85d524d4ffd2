import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Fault } from './crashFault.ts'
import { Journal, type JournalLine } from './crashJournal.ts'
import type { Site } from './crashSite.ts'

/** One way to wrong a client that the judge has to notice, and as what. */
export interface Defect {
  readonly name: string
  readonly kind: Fault['kind']
  plant(site: Site): Promise<void> | void
}

/** Adds a line to the journal of a site. */
export function add(site: Site, line: JournalLine): void {
  const journal = new Journal(site.journalFile)
  journal.write(line)
  journal.close()
}

/** Changes one row of the server's database, or of another one. */
export function change(site: Site, sql: string, file = 'data/database/countersign.sqlite'): void {
  const database = new DatabaseSync(path.join(site.folder, file))
  const { changes } = database.prepare(sql).run()
  database.close()
  if (changes !== 1) throw new Error(`${changes} rows changed by ${sql}`)
}
