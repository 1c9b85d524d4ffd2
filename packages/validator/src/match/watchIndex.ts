import type { Advisory } from '@countersign/protocol/osv/advisory.ts'
import { affects, type Effect, type PackageVersion } from '@countersign/protocol/osv/evaluate.ts'
import { packageKey } from '@countersign/protocol/osv/packageName.ts'
import { packagesOf } from '../advisories/advisoryIndex.ts'
import type { ChangedAdvisory } from '../advisories/difference.ts'

/** What a changed advisory newly means for one version of one package, and for whom. */
export interface Reached {
  readonly advisory: string
  readonly component: PackageVersion
  /** `affected`: now and not before. `unclear`: it was ruled out and no longer is. `cleared`: before and not any more. */
  readonly effect: 'affected' | 'unclear' | 'cleared'
  /** Where affected: the versions next above that are without the flaw. */
  readonly fixed: readonly string[]
  /** Ascending, each once. A view: it is valid until the index changes. */
  readonly certifications: Uint32Array
}

/** What was seen is remembered in an array as long as the highest number. */
const MAX_NUMBER = 2 ** 26

interface Coordinate {
  readonly component: PackageVersion
  readonly postings: Postings
}

/**
 * Which certifications contain which version of which package, in memory: advisory -> package -> distinct versions ->
 * certifications. Certifications are numbers of the caller, below 2^26. Nothing is durable here.
 */
export class WatchIndex {
  readonly #packages = new Map<string, Map<string, Coordinate>>()
  readonly #byCertification = new Map<number, readonly Coordinate[]>()
  readonly #seen = new Marks()

  /** How many certifications are in it. */
  get size(): number {
    return this.#byCertification.size
  }

  /** Takes a certification in with all its components. One that is in it already is replaced. */
  add(certification: number, components: Iterable<PackageVersion>): void {
    if (!Number.isInteger(certification) || certification < 0 || certification >= MAX_NUMBER) {
      throw new RangeError(`${certification} is no number of a certification`)
    }
    this.remove(certification)
    const coordinates = new Set<Coordinate>()
    for (const component of components) coordinates.add(this.#coordinate(component))
    for (const { postings } of coordinates) postings.add(certification)
    this.#byCertification.set(certification, [...coordinates])
  }

  /** Takes a certification out; one that is not in it changes nothing. */
  remove(certification: number): void {
    for (const { component, postings } of this.#byCertification.get(certification) ?? []) {
      postings.remove(certification)
      if (postings.size > 0) continue
      const key = packageKey(component.ecosystem, component.name)
      const versions = this.#packages.get(key)
      versions?.delete(versionKey(component))
      if (versions?.size === 0) this.#packages.delete(key)
    }
    this.#byCertification.delete(certification)
  }

  /**
   * The difference that changed advisories make, one entry for each advisory and distinct version of which the answer is
   * another than before. A version is evaluated once, however many certifications contain it.
   */
  reachedBy(changed: readonly ChangedAdvisory[]): Reached[] {
    const reached: Reached[] = []
    for (const { id, before, after } of changed) {
      for (const key of packagesNamed(before, after)) {
        for (const { component, postings } of this.#packages.get(key)?.values() ?? []) {
          const was = before === undefined ? NOT_AFFECTED : affects(before, component)
          const is = after === undefined ? NOT_AFFECTED : affects(after, component)
          const effect = effectOf(was.result, is.result)
          if (effect === undefined) continue
          reached.push({ advisory: id, component, effect, fixed: is.fixed, certifications: postings.all() })
        }
      }
    }
    return reached
  }

  /** Every certification of `reached`, each once. */
  certificationsOf(reached: readonly Reached[]): Uint32Array {
    return this.#seen.union(reached.map(({ certifications }) => certifications))
  }

  #coordinate(component: PackageVersion): Coordinate {
    const { ecosystem, name, version } = component
    const key = packageKey(ecosystem, name)
    let versions = this.#packages.get(key)
    if (versions === undefined) {
      versions = new Map()
      this.#packages.set(key, versions)
    }
    const inner = versionKey(component)
    const known = versions.get(inner)
    if (known !== undefined) return known
    const coordinate = { component: { ecosystem, name, version }, postings: new Postings() }
    versions.set(inner, coordinate)
    return coordinate
  }
}

/** The suffix of the ecosystem is not in the key of the package. */
function versionKey({ ecosystem, version }: PackageVersion): string {
  return `${ecosystem}\0${version}`
}

function packagesNamed(before: Advisory | undefined, after: Advisory | undefined): Set<string> {
  const named = after === undefined ? new Set<string>() : packagesOf(after)
  return before === undefined ? named : named.union(packagesOf(before))
}

type Result = Effect['result']

const NOT_AFFECTED: Pick<Effect, 'result' | 'fixed'> = { result: 'not affected', fixed: [] }

function effectOf(was: Result, is: Result): Reached['effect'] | undefined {
  if (was === is) return undefined
  if (is === 'affected') return 'affected'
  if (is === 'cannot tell') return was === 'not affected' ? 'unclear' : undefined
  return 'cleared'
}

/** Certifications that contain one coordinate, ascending. */
class Postings {
  #ids = new Uint32Array(1)
  #size = 0

  get size(): number {
    return this.#size
  }

  add(id: number): void {
    const at = this.#placeOf(id)
    if (this.#size === this.#ids.length) {
      const grown = new Uint32Array(Math.ceil(this.#size * 1.5) + 1)
      grown.set(this.#ids)
      this.#ids = grown
    }
    this.#ids.copyWithin(at + 1, at, this.#size)
    this.#ids[at] = id
    this.#size++
  }

  remove(id: number): void {
    const at = this.#placeOf(id)
    if (at === this.#size || this.#ids[at] !== id) return
    this.#ids.copyWithin(at, at + 1, this.#size)
    this.#size--
  }

  all(): Uint32Array {
    return this.#ids.subarray(0, this.#size)
  }

  /** Where `id` is or belongs. New certifications have the highest number, so the end is looked at first. */
  #placeOf(id: number): number {
    let [low, high] = [0, this.#size]
    if (high > 0 && (this.#ids[high - 1] ?? 0) < id) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ids[middle] ?? 0) < id) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Tells which numbers were seen in this round, without being emptied between rounds. */
class Marks {
  #rounds = new Uint32Array(1024)
  #round = 0

  union(lists: readonly Uint32Array[]): Uint32Array {
    const highest = lists.reduce((most, list) => Math.max(most, list.at(-1) ?? 0), 0)
    if (highest >= this.#rounds.length || this.#round === 0xffff_ffff) {
      this.#rounds = new Uint32Array(Math.max(this.#rounds.length, highest + 1) * 2)
      this.#round = 0
    }
    const found = new Uint32Array(lists.reduce((sum, list) => sum + list.length, 0))
    const round = ++this.#round
    let count = 0
    for (const list of lists) {
      for (const id of list) {
        if (this.#rounds[id] === round) continue
        this.#rounds[id] = round
        found[count++] = id
      }
    }
    return found.subarray(0, count)
  }
}
