import { compareTimes } from '@countersign/protocol/osv/advisory.ts'
import { advisoriesError } from './errors.ts'
import { MAX_RECORDS } from './sourceContent.ts'

/** One line of `modified_id.csv`. */
export interface ChangeLine {
  /** RFC 3339 in UTC. */
  readonly modified: string
  readonly id: string
}

const LINE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z),([A-Za-z0-9][A-Za-z0-9._:-]{0,127})$/

/**
 * Reads `modified_id.csv` of the OSV bulk layout: a line `modified,id` for each record, newest first.
 * Throws `advisories.not-osv` for any other line, `advisories.too-large`.
 */
export function readChangeList(bytes: Uint8Array): ChangeLine[] {
  const lines = Buffer.from(bytes).toString('utf8').split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  if (lines.length > MAX_RECORDS) throw advisoriesError('advisories.too-large', 'the list of changes is too long')
  return lines.map((line, at) => {
    const [, modified, id] = LINE.exec(line) ?? []
    if (modified !== undefined && id !== undefined) return { modified, id }
    throw advisoriesError('advisories.not-osv', `line ${at + 1} of modified_id.csv is not a time and an id`)
  })
}

/** True for a list in the order in which OSV publishes it; another order means that something else wrote it. */
export function isNewestFirst(lines: readonly ChangeLine[]): boolean {
  return lines.every((line, at) => at === 0 || compareTimes(lines[at - 1]?.modified ?? '', line.modified) >= 0)
}
