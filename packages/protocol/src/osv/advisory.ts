import type { JsonValue } from '../json/canonicalJson.ts'
import { type JsonObject, jsonFields } from '../statement/jsonFields.ts'
import { osvError } from './errors.ts'
import { type SeverityWord, severityOf } from './severity.ts'

/** What an event of a range says about its version. */
export type EventKind = 'introduced' | 'fixed' | 'last_affected' | 'limit'

/** One event of a range. `version`: `0` is before everything, `*` (limit only) after. */
export interface RangeEvent {
  readonly kind: EventKind
  readonly version: string
}

/** A range of versions; GIT ranges speak of commits. */
export interface AffectedRange {
  readonly type: 'SEMVER' | 'ECOSYSTEM' | 'GIT'
  readonly events: readonly RangeEvent[]
}

/** One package that an advisory is about. */
export interface AffectedPackage {
  /** With its suffix, where it has one: `AlmaLinux:8`. */
  readonly ecosystem: string
  readonly name: string
  readonly ranges: readonly AffectedRange[]
  readonly versions: readonly string[]
  /** Where it differs from the record's. */
  readonly severity?: SeverityWord
}

/** What matching needs of an OSV record, and its first words for people. */
export interface Advisory {
  readonly id: string
  /** RFC 3339 in UTC: the version of the record. */
  readonly modified: string
  readonly published?: string
  /** Since then it does not count. */
  readonly withdrawn?: string
  /** The same flaw under other names, sorted. */
  readonly aliases: readonly string[]
  /** What it was made from, sorted: a distribution's record names its CVE here. */
  readonly upstream: readonly string[]
  readonly summary: string
  readonly severity: SeverityWord
  readonly affected: readonly AffectedPackage[]
}

/** Largest record that is read, in bytes. */
export const MAX_ADVISORY_BYTES: number = 8 * 1024 * 1024

const ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/
const MAX_SUMMARY = 256
const MAX_AFFECTED = 20_000
const MAX_RANGES = 1000
const MAX_EVENTS = 10_000
const MAX_VERSIONS = 100_000
const KINDS: readonly EventKind[] = ['introduced', 'fixed', 'last_affected', 'limit']
const read = jsonFields((message) => osvError('osv.malformed', message))

/**
 * Reads an OSV record (schema 1.x): strict on what decides whether something is affected, blind to the rest, so that a
 * minor version that adds fields is read. Affected entries without a package (pure GIT) are dropped: they name nothing
 * that could be matched. Says nothing about who wrote it. Throws `osv.version-unknown`, `osv.malformed`.
 */
export function readAdvisory(json: JsonValue): Advisory {
  const record = read.object(json, 'the record')
  checkVersion(record)
  return {
    id: read.text(record.id, 'id', { max: 128, pattern: ID }),
    modified: readTime(record.modified, 'modified'),
    ...(isAbsent(record.published) ? {} : { published: readTime(record.published, 'published') }),
    ...(isAbsent(record.withdrawn) ? {} : { withdrawn: readTime(record.withdrawn, 'withdrawn') }),
    aliases: readIds(record.aliases, 'aliases'),
    upstream: readIds(record.upstream, 'upstream'),
    summary: typeof record.summary === 'string' ? record.summary.toWellFormed().slice(0, MAX_SUMMARY) : '',
    severity: severityOf(record) ?? 'unknown',
    affected: isAbsent(record.affected)
      ? []
      : read.list(record.affected, 'affected', { max: MAX_AFFECTED }, readAffected).flatMap((one) => one ?? []),
  }
}

/** Below 0 where the time `a` is before `b`; both as `readAdvisory` leaves them, to the nanosecond. */
export function compareTimes(a: string, b: string): number {
  const [first, second] = [a, b].map((time) => time.slice(0, -1).replace('.', '').padEnd(28, '0'))
  return (first ?? '') < (second ?? '') ? -1 : first === second ? 0 : 1
}

/** OSV is published from many generators, and some write null for what is not there. */
function isAbsent(json: JsonValue | undefined): json is null | undefined {
  return json === undefined || json === null
}

function checkVersion({ schema_version: version }: JsonObject): void {
  if (isAbsent(version)) return
  if (!/^1\.\d+(?:\.\d+)?/.test(read.text(version, 'schema_version', { max: 32 }))) {
    throw osvError('osv.version-unknown', `schema_version ${String(version)} is not of version 1`)
  }
}

function readTime(json: JsonValue | undefined, what: string): string {
  const time = read.text(json, what, { max: 64, pattern: TIME })
  read.time(time, what)
  return time
}

function readIds(json: JsonValue | undefined, what: string): string[] {
  if (isAbsent(json)) return []
  const ids = read.list(json, what, { max: 10_000 }, (id, at) => read.text(id, at, { min: 0, max: 512 }))
  // Other names decide nothing, so one that nobody could look up is no reason to lose the advisory.
  return [...new Set(ids.filter((id) => ID.test(id)))].sort()
}

function readAffected(json: JsonValue, what: string): AffectedPackage | undefined {
  const entry = read.object(json, what)
  if (isAbsent(entry.package)) return undefined
  const { ecosystem, name } = read.object(entry.package, `${what}.package`)
  const severity = severityOf(entry)
  const list = <T>(value: JsonValue | undefined, at: string, max: number, item: (json: JsonValue, at: string) => T) =>
    isAbsent(value) ? [] : read.list(value, at, { max }, item)
  return {
    ecosystem: read.text(ecosystem, `${what}.package.ecosystem`, { max: 256 }),
    name: read.text(name, `${what}.package.name`, { max: 512 }),
    ranges: list(entry.ranges, `${what}.ranges`, MAX_RANGES, readRange),
    versions: list(entry.versions, `${what}.versions`, MAX_VERSIONS, (version, at) =>
      read.text(version, at, { max: 512 }),
    ),
    ...(severity === undefined ? {} : { severity }),
  }
}

function readRange(json: JsonValue, what: string): AffectedRange {
  const { type, events } = read.object(json, what)
  if (type !== 'SEMVER' && type !== 'ECOSYSTEM' && type !== 'GIT') {
    throw osvError('osv.malformed', `${what}.type is none of SEMVER, ECOSYSTEM and GIT`)
  }
  const found = read.list(events, `${what}.events`, { min: 1, max: MAX_EVENTS }, readEvent)
  const has = (kind: EventKind) => found.some((event) => event.kind === kind)
  if (!has('introduced')) throw osvError('osv.malformed', `${what} says nowhere where it begins`)
  return { type, events: found }
}

function readEvent(json: JsonValue, what: string): RangeEvent {
  const entries = Object.entries(read.object(json, what))
  const [entry, ...others] = entries
  const kind = KINDS.find((one) => one === entry?.[0])
  if (entry === undefined || kind === undefined || others.length > 0) {
    throw osvError('osv.malformed', `${what} is not exactly one of ${KINDS.join(', ')}`)
  }
  return { kind, version: read.text(entry[1], `${what}.${kind}`, { max: 512 }) }
}
