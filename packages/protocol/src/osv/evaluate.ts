import { type Ordering, orderingOf, semverOrdering } from '../ordering/ordering.ts'
import type { Advisory, AffectedPackage, AffectedRange, EventKind, RangeEvent } from './advisory.ts'
import { baseEcosystem, packageKey } from './packageName.ts'

/** A package as somebody has it. */
export interface PackageVersion {
  /** OSV's name, with the suffix where one is known. */
  readonly ecosystem: string
  readonly name: string
  /** Empty: unknown. */
  readonly version: string
}

/** What an advisory means for one version of one package. Only `not affected` lets a verdict be clean. */
export interface Effect {
  readonly result: 'affected' | 'not affected' | 'cannot tell'
  /** Where affected: the versions next above that are without the flaw. */
  readonly fixed: readonly string[]
  /** In words, for people. */
  readonly reason: string
}

const NOT_AFFECTED: Effect = { result: 'not affected', fixed: [], reason: 'no affected entry names this version' }
// The specification leaves the order of two events at one version open; taken from osv.dev.
const RANK: Readonly<Record<EventKind, number>> = { introduced: 0, last_affected: 1, fixed: 2, limit: 3 }

/**
 * Whether a version of a package is affected, by the OSV specification ("Evaluation"): some entry with the same package
 * lists the version or has a range that holds it. What cannot be told stays `cannot tell`: no version, a version or event
 * without a place in the order, an ecosystem without an order, a release that is not known, commits alone. A withdrawn
 * record affects nothing.
 */
export function affects(advisory: Advisory, subject: PackageVersion): Effect {
  if (advisory.withdrawn !== undefined) return notAffected(`the advisory was withdrawn at ${advisory.withdrawn}`)
  const key = packageKey(subject.ecosystem, subject.name)
  const effects: Effect[] = []
  for (const entry of advisory.affected) {
    if (packageKey(entry.ecosystem, entry.name) === key) effects.push(affectsEntry(entry, subject))
  }
  const affected = effects.filter(({ result }) => result === 'affected')
  if (affected[0] !== undefined) return { ...affected[0], fixed: [...new Set(affected.flatMap(({ fixed }) => fixed))] }
  return effects.find(({ result }) => result === 'cannot tell') ?? effects[0] ?? NOT_AFFECTED
}

function affectsEntry(entry: AffectedPackage, subject: PackageVersion): Effect {
  const { version, ecosystem } = subject
  const isSameRelease = entry.ecosystem === ecosystem || entry.ecosystem === baseEcosystem(ecosystem)
  // A component of another release has its own entry; one of no known release may be of this one.
  if (!isSameRelease && ecosystem !== baseEcosystem(ecosystem)) return notAffected(`it is about ${entry.ecosystem}`)
  if (version === '') return cannotTell('the version is not known')
  const effect = affectsVersion(entry, version)
  if (isSameRelease || effect.result === 'not affected') return effect
  return cannotTell(`it is about ${entry.ecosystem}, and which release this is of is not known`)
}

function affectsVersion(entry: AffectedPackage, version: string): Effect {
  const ordering = orderingOf(entry.ecosystem)
  const effects = entry.ranges
    .filter(({ type }) => type !== 'GIT')
    .map((range) => affectsRange(range, range.type === 'SEMVER' ? semverOrdering : ordering, version))
  const affected = effects.filter(({ result }) => result === 'affected')
  const fixed = affected.flatMap((effect) => effect.fixed)
  if (affected[0] !== undefined) return { result: 'affected', fixed, reason: affected[0].reason }
  if (isListed(entry.versions, version, ordering)) {
    return { result: 'affected', fixed: [], reason: `version ${version} is listed` }
  }
  const unclear = effects.find(({ result }) => result === 'cannot tell')
  if (unclear !== undefined) return unclear
  // Which commits are in a version is not known here, so nothing but a list of versions can answer.
  if (entry.ranges.length > 0 && effects.length === 0 && entry.versions.length === 0) {
    return cannotTell('it names commits only')
  }
  return NOT_AFFECTED
}

/** The specification compares texts; versions that rank the same (`v1.2.3`, `1.2.3`) are taken for the same, as osv.dev does. */
function isListed(versions: readonly string[], version: string, ordering: Ordering | undefined): boolean {
  if (versions.includes(version)) return true
  if (ordering === undefined || !ordering.isVersion(version)) return false
  return versions.some((listed) => ordering.isVersion(listed) && ordering.compare(listed, version) === 0)
}

function affectsRange({ events }: AffectedRange, ordering: Ordering | undefined, version: string): Effect {
  if (ordering === undefined) return cannotTell('how the versions of its ecosystem follow each other is not known')
  if (!ordering.isVersion(version)) return cannotTell(`${version} has no place among the versions of its ecosystem`)
  const strange = events.find((event) => !isPlaced(event, ordering))
  if (strange !== undefined) {
    return cannotTell(`its event ${strange.kind} ${strange.version} has no place among the versions of its ecosystem`)
  }
  const limits = events.filter(({ kind }) => kind === 'limit')
  const isBelowLimit = limits.some((limit) => limit.version === '*' || ordering.compare(version, limit.version) < 0)
  if (limits.length > 0 && !isBelowLimit) return notAffected(`${version} is not below the limit of the range`)
  return walk(sorted(events, ordering), ordering, version)
}

/** `0` begins every order, `*` ends it. */
function isPlaced({ kind, version }: RangeEvent, ordering: Ordering): boolean {
  if (kind === 'limit' && version === '*') return true
  return (kind === 'introduced' && version === '0') || ordering.isVersion(version)
}

function sorted(events: readonly RangeEvent[], ordering: Ordering): RangeEvent[] {
  const isStart = ({ kind, version }: RangeEvent) => kind === 'introduced' && version === '0'
  return events
    .filter(({ kind }) => kind !== 'limit')
    .toSorted((a, b) => {
      if (isStart(a) || isStart(b)) return Number(isStart(b)) - Number(isStart(a))
      return ordering.compare(a.version, b.version) || RANK[a.kind] - RANK[b.kind]
    })
}

/** Every event that the version has reached overwrites what the ones before it said. */
function walk(events: readonly RangeEvent[], ordering: Ordering, version: string): Effect {
  let since: string | undefined
  for (const { kind, version: at } of events) {
    const order = kind === 'introduced' && at === '0' ? 1 : ordering.compare(version, at)
    if (kind === 'introduced' && order >= 0) since = at
    else if (kind === 'fixed' && order >= 0) since = undefined
    else if (kind === 'last_affected' && order > 0) since = undefined
  }
  if (since === undefined) return notAffected('no range holds this version')
  const fix = events.find((event) => event.kind === 'fixed' && ordering.compare(event.version, version) > 0)
  const reason = since === '0' ? 'every version' : `versions from ${since}`
  return {
    result: 'affected',
    fixed: fix === undefined ? [] : [fix.version],
    reason: fix === undefined ? `affects ${reason}` : `affects ${reason} to before ${fix.version}`,
  }
}

function notAffected(reason: string): Effect {
  return { result: 'not affected', fixed: [], reason }
}

function cannotTell(reason: string): Effect {
  return { result: 'cannot tell', fixed: [], reason }
}
