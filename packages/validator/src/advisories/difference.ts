import { isDeepStrictEqual } from 'node:util'
import { type Advisory, compareTimes } from '@countersign/protocol/osv/advisory.ts'
import { type AdvisoryIndex, ecosystemsOf } from './advisoryIndex.ts'
import type { SourceContent } from './sourceContent.ts'

/** One record as it was and as it is. */
export interface ChangedAdvisory {
  readonly id: string
  /** Absent: it was not known. */
  readonly before?: Advisory
  /** Absent: its source no longer has it. */
  readonly after?: Advisory
}

/** One record as a source would have it. */
export interface ProposedChange {
  readonly id: string
  /** Absent: taken away. */
  readonly after?: Advisory
  readonly source: string
  readonly sample: boolean
}

/**
 * What a source would change. A record replaces an older one, or an equally old one with other content; an older one
 * changes nothing. Where the whole source was read, records that came from it and are gone are taken away.
 */
export function differenceTo(index: AdvisoryIndex, content: SourceContent): ProposedChange[] {
  const { source, records, ids, sample } = content
  const changes: ProposedChange[] = []
  for (const [id, after] of records) {
    const known = index.get(id)
    const age = known === undefined ? 1 : compareTimes(after.modified, known.advisory.modified)
    if (age > 0 || (age === 0 && !isDeepStrictEqual(after, known?.advisory)))
      changes.push({ id, after, source, sample })
  }
  if (ids === undefined) return changes
  for (const known of index.all()) {
    const { id } = known.advisory
    if (known.source === source && !ids.has(id)) changes.push({ id, source, sample: known.sample })
  }
  return changes
}

/** The same with what each record was; what has become void meanwhile (an older record, nothing to take away) is left out. */
export function against(index: AdvisoryIndex, proposed: readonly ProposedChange[]): ChangedAdvisory[] {
  return newestOfEach(proposed).flatMap(({ id, after }): ChangedAdvisory[] => {
    const before = index.get(id)?.advisory
    if (after === undefined) return before === undefined ? [] : [{ id, before }]
    if (before !== undefined && compareTimes(after.modified, before.modified) < 0) return []
    return [{ id, after, ...(before !== undefined && { before }) }]
  })
}

/** Two sources may speak of one record: the newest counts, and what one of them still has is not taken away. */
function newestOfEach(proposed: readonly ProposedChange[]): ProposedChange[] {
  const byId = new Map<string, ProposedChange>()
  for (const one of proposed) {
    const known = byId.get(one.id)?.after
    if (known === undefined || (one.after !== undefined && compareTimes(one.after.modified, known.modified) > 0)) {
      byId.set(one.id, one)
    }
  }
  return [...byId.values()]
}

/** More than this part of an ecosystem's records gone at once is no ordinary day. */
const MAX_LOST_PART = 0.1
/** Fewer records than this may always go: in a small set one withdrawal is a large part. */
const MIN_LOST = 3

/**
 * Why a change must wait for a person: more than a tenth of an ecosystem's records (and at least three) would stop counting
 * at once, as when a publisher lost data or somebody cut it. Undefined where it need not.
 */
export function shrinks(index: AdvisoryIndex, changes: readonly ChangedAdvisory[]): string | undefined {
  const lost = new Map<string, number>()
  for (const { before, after } of changes) {
    if (before === undefined || before.withdrawn !== undefined) continue
    const stays = after === undefined || after.withdrawn !== undefined ? new Set<string>() : ecosystemsOf(after)
    for (const name of ecosystemsOf(before)) if (!stays.has(name)) lost.set(name, (lost.get(name) ?? 0) + 1)
  }
  for (const { name, records } of index.ecosystems()) {
    const gone = lost.get(name) ?? 0
    if (gone >= MIN_LOST && gone > records * MAX_LOST_PART) {
      return `${gone} of ${records} records of ${name} would be gone or withdrawn at once`
    }
  }
  return undefined
}
