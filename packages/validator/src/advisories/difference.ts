import { isDeepStrictEqual } from 'node:util'
import { type Advisory, type AffectedPackage, compareTimes } from '@countersign/protocol/osv/advisory.ts'
import { affects } from '@countersign/protocol/osv/evaluate.ts'
import { baseEcosystem, packageKey } from '@countersign/protocol/osv/packageName.ts'
import type { AdvisoryIndex } from './advisoryIndex.ts'
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
  for (const known of ids === undefined ? [] : index.all()) {
    const { id } = known.advisory
    if (known.source === source && !ids?.has(id)) changes.push({ id, source, sample: known.sample })
  }
  // In one order before and after a restart, because a held change is known again by its text.
  return changes.sort((a, b) => (a.id < b.id ? -1 : 1))
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

/** More than this part of an ecosystem's records gone within a week is no ordinary week. */
const MAX_LOST_PART = 0.1
/** Fewer records than this may always go: in a small set one withdrawal is a large part. */
const MIN_LOST = 3
/** Of a record with thousands of versions the first ones tell whether any is left. */
const MAX_PROBES = 64

/**
 * How many records of each ecosystem would stop counting: gone, withdrawn, about something else, or narrowed until nothing
 * of what one of its packages was affected in is left.
 */
export function lostBy(changes: readonly ChangedAdvisory[]): ReadonlyMap<string, number> {
  const lost = new Map<string, number>()
  for (const { before, after } of changes) {
    const left = Map.groupBy(after?.affected ?? [], keyOf)
    const names = new Set<string>()
    for (const entry of before?.withdrawn === undefined ? (before?.affected ?? []) : []) {
      if (isLost(entry, after?.withdrawn === undefined ? (left.get(keyOf(entry)) ?? []) : [])) {
        names.add(baseEcosystem(entry.ecosystem))
      }
    }
    for (const name of names) lost.set(name, (lost.get(name) ?? 0) + 1)
  }
  return lost
}

/**
 * Why a change must wait for a person: with what else was lost in the days before and nobody has looked at (`lostBefore`),
 * more than a tenth of an ecosystem's records (and at least three) would stop counting, as when a publisher lost data or
 * somebody cuts it, at once or little by little. Undefined where it need not.
 */
export function shrinks(
  index: AdvisoryIndex,
  lost: ReadonlyMap<string, number>,
  lostBefore: ReadonlyMap<string, number>,
): string | undefined {
  for (const { name, records } of index.ecosystems()) {
    const now = lost.get(name) ?? 0
    const earlier = lostBefore.get(name) ?? 0
    const [gone, all] = [now + earlier, records + earlier]
    if (now === 0 || gone < MIN_LOST || gone <= all * MAX_LOST_PART) continue
    const within = earlier === 0 ? 'at once' : 'within a week'
    return `${gone} of ${all} records of ${name} would be gone, withdrawn or narrowed to nothing ${within}`
  }
  return undefined
}

/** `left`: what there is of its package afterwards. */
function isLost(entry: AffectedPackage, left: readonly AffectedPackage[]): boolean {
  const probes = probesOf(entry)
  const isAny = (affected: readonly AffectedPackage[]) =>
    probes.some((version) => affects({ ...ANY, affected }, { ...entry, version }).result !== 'not affected')
  return isAny([entry]) && !isAny(left)
}

/** A record of which only the affected packages matter. */
const ANY: Omit<Advisory, 'affected'> = {
  id: 'any',
  modified: '0001-01-01T00:00:00Z',
  aliases: [],
  upstream: [],
  summary: '',
  severity: 'unknown',
}

function keyOf({ ecosystem, name }: AffectedPackage): string {
  return packageKey(ecosystem, name)
}

/** Versions at which an entry begins or ends, and those that it lists. Of one that names commits only any version tells. */
function probesOf({ ranges, versions }: AffectedPackage): string[] {
  const bounds = ranges.flatMap(({ events }) => events.filter(({ kind }) => kind !== 'fixed' && kind !== 'limit'))
  const probes = [...bounds.map(({ version }) => (version === '0' ? '0.0.0' : version)), ...versions]
  return probes.slice(0, MAX_PROBES)
}
