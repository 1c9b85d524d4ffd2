import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { parseJson } from '@countersign/protocol/json/parseJson.ts'
import { type Advisory, compareTimes, MAX_ADVISORY_BYTES, readAdvisory } from '@countersign/protocol/osv/advisory.ts'
import { baseEcosystem } from '@countersign/protocol/osv/packageName.ts'
import { ecosystemsOf } from './advisoryIndex.ts'
import { advisoriesError } from './errors.ts'

/** A record that was not taken over, and why. */
export interface RefusedRecord {
  /** File name in the source. */
  readonly name: string
  readonly code: string
  readonly message: string
}

/** What one source held when it was read. */
export interface SourceContent {
  /** Path or address. */
  readonly source: string
  readonly records: ReadonlyMap<string, Advisory>
  /** Everything that the source has, readable or not; undefined where only some of it was read. */
  readonly ids?: ReadonlySet<string>
  readonly refused: readonly RefusedRecord[]
  /** Ecosystems of which it is all that its publisher has; empty where only single records were read. */
  readonly whole: ReadonlySet<string>
  /** Marked as made for a demonstration. */
  readonly sample: boolean
  /** It is the publisher's own place, so equal to it is as new as can be. */
  readonly live: boolean
  /** Newest time in its list of changes. */
  readonly cursor?: string
}

/** The source of records that came one by one. */
export const PUSHED = 'push'

/** Most records of one source. */
export const MAX_RECORDS = 1_000_000
/** Most bytes of all records of one source, unpacked. */
export const MAX_SOURCE_BYTES: number = 8 * 1024 * 1024 * 1024

const MAX_DEPTH = 64
const MAX_REFUSED = 1000
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}\.json$/

/** True for the file name of a record: `<id>.json`. */
export function isRecordName(name: string): boolean {
  return NAME.test(name)
}

/** Reads one record. Throws `json.*`, `osv.*`. */
export function readRecord(bytes: Uint8Array): Advisory {
  return readAdvisory(parseJson(bytes, { maxBytes: MAX_ADVISORY_BYTES, maxDepth: MAX_DEPTH }))
}

/**
 * Of which ecosystems `folder` holds everything. In the bulk layout a folder is named after its ecosystem, and its records
 * also speak of others, of which it then holds little; a folder of another name is taken as whole for all that it speaks of.
 * One for a single release (`Debian:11`) is whole for none.
 */
export function wholeOf(folder: string, named: ReadonlySet<string>): ReadonlySet<string> {
  if (named.has(folder)) return new Set([folder])
  return named.has(baseEcosystem(folder)) ? new Set() : named
}

/**
 * Collects the records of one source. A record that cannot be read is noted and the rest is taken, because one bad file
 * among thousands must not keep the others out; a source of which more than one in a hundred cannot be read is no
 * OSV data. Of one id the newest counts.
 */
export class RecordCollector {
  readonly #records = new Map<string, Advisory>()
  readonly #ids = new Set<string>()
  readonly #refused: RefusedRecord[] = []
  readonly #whole = new Set<string>()
  #named = new Set<string>()
  #sizeBytes = 0

  /** Throws `advisories.too-large`. */
  add(name: string, bytes: Uint8Array): void {
    this.#sizeBytes += bytes.length
    if (this.#ids.size >= MAX_RECORDS || this.#sizeBytes > MAX_SOURCE_BYTES) {
      throw advisoriesError('advisories.too-large', 'the source has more records than are read')
    }
    this.#ids.add(name.slice(0, -'.json'.length))
    try {
      const advisory = readRecord(bytes)
      const known = this.#records.get(advisory.id)
      this.#ids.add(advisory.id)
      for (const ecosystem of ecosystemsOf(advisory)) this.#named.add(ecosystem)
      if (known === undefined || compareTimes(known.modified, advisory.modified) < 0)
        this.#records.set(advisory.id, advisory)
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      this.#refused.push({ name, code: error.code, message: error.message.slice(0, 512) })
    }
  }

  /** What was added since the last call is everything that the folder of this name holds. */
  endFolder(name: string): void {
    for (const ecosystem of wholeOf(name, this.#named)) this.#whole.add(ecosystem)
    this.#named = new Set()
  }

  /** Throws `advisories.not-osv` where there is no record, or too many are unreadable. */
  finish(source: string, about: { sample: boolean; live: boolean; whole: boolean }): SourceContent {
    const [first] = this.#refused
    if (this.#records.size === 0 || this.#refused.length > this.#records.size / 100 + 1) {
      const why = first === undefined ? 'it holds no record' : `${first.name}: ${first.message}`
      throw advisoriesError('advisories.not-osv', `${this.#refused.length} records cannot be read: ${why}`)
    }
    const { sample, live, whole } = about
    const refused = this.#refused.slice(0, MAX_REFUSED)
    const read = { source, records: this.#records, refused, sample, live }
    return whole ? { ...read, ids: this.#ids, whole: this.#whole } : { ...read, whole: new Set() }
  }
}
