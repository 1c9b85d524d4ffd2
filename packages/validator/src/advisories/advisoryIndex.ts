import type { Advisory } from '@countersign/protocol/osv/advisory.ts'
import { baseEcosystem, packageKey } from '@countersign/protocol/osv/packageName.ts'

/** One record with where it came from. */
export interface StoredRecord {
  readonly advisory: Advisory
  readonly source: string
  readonly sample: boolean
}

/** What there is of one ecosystem. */
export interface EcosystemData {
  /** OSV's name without suffix. */
  readonly name: string
  /** Records that are not withdrawn. */
  readonly records: number
  /** RFC 3339: the newest moment at which the data is known to have been complete; absent where nobody knows of one. */
  readonly asOf?: string
}

/** All records in memory, by id and by package. Changes are made by `put` and `remove`; durability is the caller's. */
export class AdvisoryIndex {
  readonly #records = new Map<string, StoredRecord>()
  readonly #byPackage = new Map<string, Map<string, Advisory>>()
  #samples = 0
  #ecosystems: Omit<EcosystemData, 'asOf'>[] | undefined

  /** How many records there are, withdrawn ones included. */
  get size(): number {
    return this.#records.size
  }

  /** True where any record is of a sample. */
  get sample(): boolean {
    return this.#samples > 0
  }

  /** One record; undefined where it is not known. */
  get(id: string): StoredRecord | undefined {
    return this.#records.get(id)
  }

  /** Every record. */
  all(): Iterable<StoredRecord> {
    return this.#records.values()
  }

  /** The records that name a package under any release of its ecosystem, by id. */
  forPackage(ecosystem: string, name: string): Advisory[] {
    return [...(this.#byPackage.get(packageKey(ecosystem, name))?.values() ?? [])]
  }

  /** Takes a record in, in place of the one with its id. */
  put(record: StoredRecord): void {
    const { advisory } = record
    this.remove(advisory.id)
    this.#records.set(advisory.id, record)
    if (record.sample) this.#samples++
    for (const key of packagesOf(advisory)) {
      const known = this.#byPackage.get(key)
      if (known === undefined) this.#byPackage.set(key, new Map([[advisory.id, advisory]]))
      else known.set(advisory.id, advisory)
    }
  }

  /** Takes a record out; one that is not there changes nothing. */
  remove(id: string): void {
    this.#ecosystems = undefined
    const known = this.#records.get(id)
    if (known === undefined) return
    this.#records.delete(id)
    if (known.sample) this.#samples--
    for (const key of packagesOf(known.advisory)) {
      const others = this.#byPackage.get(key)
      others?.delete(id)
      if (others?.size === 0) this.#byPackage.delete(key)
    }
  }

  /** What there is of each ecosystem, by name. */
  ecosystems(): readonly Omit<EcosystemData, 'asOf'>[] {
    this.#ecosystems ??= countEcosystems(this.#records.values())
    return this.#ecosystems
  }
}

/** The packages that a record names, each once, as `packageKey` writes them. */
export function packagesOf({ affected }: Advisory): Set<string> {
  return new Set(affected.map(({ ecosystem, name }) => packageKey(ecosystem, name)))
}

/** The ecosystems that a record names, without suffixes. */
export function ecosystemsOf({ affected }: Advisory): Set<string> {
  return new Set(affected.map(({ ecosystem }) => baseEcosystem(ecosystem)))
}

function countEcosystems(records: Iterable<StoredRecord>): Omit<EcosystemData, 'asOf'>[] {
  const found = new Map<string, number>()
  for (const { advisory } of records) {
    const counts = advisory.withdrawn === undefined ? 1 : 0
    for (const name of ecosystemsOf(advisory)) found.set(name, (found.get(name) ?? 0) + counts)
  }
  return [...found].map(([name, count]) => ({ name, records: count })).sort((a, b) => (a.name < b.name ? -1 : 1))
}
