import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Outbox } from '@countersign/platform/outbox/outbox.ts'
import type { Logger } from '@countersign/platform/telemetry/logger.ts'
import { type Advisory, compareTimes } from '@countersign/protocol/osv/advisory.ts'
import { AdvisoryIndex, type EcosystemData, packagesOf } from './advisoryIndex.ts'
import { AdvisoryStore, type Compared, type HeldRow, type Settling } from './advisoryStore.ts'
import { completeAsOf } from './completeness.ts'
import { against, type ChangedAdvisory, differenceTo, lostBy, type ProposedChange, shrinks } from './difference.ts'
import { advisoriesError } from './errors.ts'
import { type FetchOptions, fetchSource, zipAddresses } from './fetchSource.ts'
import { type KnownExploited, readKnownExploited } from './knownExploited.ts'
import { readFolder } from './readFolder.ts'
import { PUSHED, type RefusedRecord, readRecord, type SourceContent } from './sourceContent.ts'

/** Which data there is. */
export interface AdvisoryState {
  /** Rises by one with every change of the data; 0: there never was any. */
  readonly state: number
  /** RFC 3339: the newest moment at which any of it is known to have been complete; absent where nobody knows of one. */
  readonly asOf?: string
  /** Withdrawn ones included. */
  readonly records: number
  /** Some of it was made for a demonstration. */
  readonly sample: boolean
  readonly ecosystems: readonly EcosystemData[]
  /** What changes that wait for a person speak of, as `packageKey` writes it: nothing certain can be said about these. */
  readonly heldPackages: ReadonlySet<string>
}

/** One committed change of the data. */
export interface AdvisoryChange {
  readonly state: number
  readonly changed: readonly ChangedAdvisory[]
}

/** A change that waits for a person. */
export interface HeldChange {
  readonly id: string
  readonly reason: string
  /** How many records it would change. */
  readonly changed: number
  /** RFC 3339. */
  readonly heldAt: string
}

/** What an import brought. */
export interface ImportReport {
  /** The state that it left. */
  readonly state: number
  /** How many records the source has. */
  readonly records: number
  readonly changed: number
  readonly refused: readonly RefusedRecord[]
  readonly sample: boolean
  /** It was put aside as a whole; nothing changed. */
  readonly held?: HeldChange
}

/**
 * Looks at a change before it takes effect; words: it is held, because of them. Called with nothing else under way.
 */
export type Guard = (changed: readonly ChangedAdvisory[]) => string | undefined

/**
 * The advisory data of one validator: in memory for matching, in the database for the next start. Changes come one after
 * the other; each is durable, with its event, before it is acknowledged and before it is seen here.
 */
export interface Advisories {
  /** What there is at this moment. */
  state(): AdvisoryState
  /** The records that name a package, under any release of its ecosystem; whether they affect a version is `affects`' answer. */
  forPackage(ecosystem: string, name: string): Advisory[]
  /** One record; undefined where it is not known. */
  get(id: string): Advisory | undefined
  /** What `state` changed. Throws `advisories.state-unknown`. */
  change(state: number): Promise<AdvisoryChange>
  /** Whether the flaw of a record is known to be exploited, by a catalogue that names it or another name of it. */
  isKnownExploited(id: string): boolean
  /**
   * Takes over what a folder, a zip file, a JSON file or an address holds; a JSON file may also be a catalogue of known
   * exploited vulnerabilities. Nothing changes where it throws.
   */
  importFrom(source: string, options?: FetchOptions): Promise<ImportReport>
  /** Fetches what the addresses that were imported have changed, one report each. Tries all, then throws the first failure. */
  sync(options?: FetchOptions): Promise<ImportReport[]>
  /** Takes over single records as their publisher pushed them; all or none. Throws `osv.*`, `json.*`. */
  receive(records: readonly Uint8Array[]): Promise<ImportReport>
  /** The one who is asked before a change takes effect. */
  guard(guard: Guard): void
  /** The changes that wait for a person, oldest first. */
  held(): HeldChange[]
  /** Lets one take effect, unasked. Throws `advisories.held-unknown`. */
  release(id: string): Promise<ImportReport>
  /** Throws one away; the same change does not come back. Throws `advisories.held-unknown`. */
  discard(id: string): Promise<void>
}

/** What advisories stand on. */
export interface AdvisoriesDeps {
  /** Migrated with `advisoriesMigrations` and `outboxMigrations`. */
  readonly database: Database
  /** Gets `advisories.changed` {state} for every change. */
  readonly outbox: Outbox
  readonly clock: Clock
  readonly logger: Logger
  /** Production refuses sample data. */
  readonly environment: 'development' | 'production'
}

const MAX_PUSHED = 10_000
const WEEK_MS = 7 * 86_400_000

/** Opens the data; reads all of it into memory. */
export async function openAdvisories(deps: AdvisoriesDeps): Promise<Advisories> {
  const store = new AdvisoryStore(deps.database, deps.outbox)
  const index = new AdvisoryIndex()
  for await (const record of store.records()) index.put(record)
  const [state, complete, held] = await Promise.all([store.state(), store.completeAsOf(), store.held()])
  return new OpenAdvisories(deps, { store, index, state, complete, held, exploited: await store.knownExploited() })
}

interface Opened {
  readonly store: AdvisoryStore
  readonly index: AdvisoryIndex
  state: number
  /** By ecosystem. */
  complete: ReadonlyMap<string, string>
  held: HeldRow[]
  exploited: KnownExploited | undefined
}

class OpenAdvisories implements Advisories {
  readonly #deps: AdvisoriesDeps
  readonly #data: Opened
  #guard: Guard = () => undefined
  #last: Promise<unknown> = Promise.resolve()
  #heldPackages: ReadonlySet<string> = new Set()

  constructor(deps: AdvisoriesDeps, data: Opened) {
    this.#deps = deps
    this.#data = data
    this.#setHeld(data.held)
  }

  state(): AdvisoryState {
    const { index, state, complete } = this.#data
    const ecosystems = index.ecosystems().map((one): EcosystemData => {
      const asOf = complete.get(one.name)
      return asOf === undefined ? one : { ...one, asOf }
    })
    const asOf = [...complete.values()].sort(compareTimes).at(-1)
    const { size: records, sample } = index
    return { state, records, sample, ecosystems, heldPackages: this.#heldPackages, ...(asOf !== undefined && { asOf }) }
  }

  forPackage(ecosystem: string, name: string): Advisory[] {
    return this.#data.index.forPackage(ecosystem, name)
  }

  get(id: string): Advisory | undefined {
    return this.#data.index.get(id)?.advisory
  }

  isKnownExploited(id: string): boolean {
    const { exploited, index } = this.#data
    const { aliases = [], upstream = [] } = index.get(id)?.advisory ?? {}
    return [id, ...aliases, ...upstream].some((name) => exploited?.ids.has(name))
  }

  async change(state: number): Promise<AdvisoryChange> {
    const changed = await this.#data.store.change(state)
    if (changed !== undefined) return { state, changed }
    throw advisoriesError('advisories.state-unknown', `there is no advisory state ${state}`)
  }

  importFrom(source: string, options: FetchOptions = {}): Promise<ImportReport> {
    return this.#oneAfterTheOther(async () => {
      if (!/^https?:/.test(source)) {
        const exploited = await readKnownExploited(source)
        return exploited === undefined ? this.#take([await readFolder(source)]) : this.#takeExploited(exploited)
      }
      const zips = await zipAddresses(source, options)
      const cursors = await this.#cursors()
      const contents: SourceContent[] = []
      for (const zip of zips) contents.push(await this.#fetch(zip, cursors.get(zip) ?? null, options))
      return this.#take(contents)
    })
  }

  sync(options: FetchOptions = {}): Promise<ImportReport[]> {
    return this.#oneAfterTheOther(async () => {
      const reports: ImportReport[] = []
      const failures: unknown[] = []
      for (const [zip, cursor] of await this.#cursors()) {
        try {
          // Whoever imported the address allowed what it is, and nothing else for any other.
          const allowed = { ...options, allowPlainHttp: zip.startsWith('http:') }
          reports.push(await this.#take([await this.#fetch(zip, cursor, allowed)]))
        } catch (error) {
          this.#deps.logger.warn({ err: error, source: zip }, 'a source of advisories was not synchronised')
          failures.push(error)
        }
      }
      if (failures.length > 0) throw failures[0]
      return reports
    })
  }

  async receive(records: readonly Uint8Array[]): Promise<ImportReport> {
    if (records.length > MAX_PUSHED) {
      throw advisoriesError('advisories.too-large', `${records.length} records were pushed at once`)
    }
    const read = new Map(records.map(readRecord).map((advisory) => [advisory.id, advisory]))
    const about = { refused: [], whole: new Set<string>(), sample: false, live: false }
    const content = { source: PUSHED, records: read, ...about }
    return this.#oneAfterTheOther(() => this.#take([content]))
  }

  guard(guard: Guard): void {
    this.#guard = guard
  }

  held(): HeldChange[] {
    return this.#data.held.filter(({ discarded }) => discarded === 0).map(heldChange)
  }

  release(id: string): Promise<ImportReport> {
    return this.#oneAfterTheOther(async () => {
      const row = this.#waiting(id)
      const proposed = JSON.parse(row.changes) as ProposedChange[]
      const changes = against(this.#data.index, proposed)
      await this.#commit(changes, proposed, { compared: JSON.parse(row.compared) as Compared[], settles: id })
      this.#setHeld(await this.#data.store.held())
      const sample = proposed.some((one) => one.sample)
      return { state: this.#data.state, records: proposed.length, changed: changes.length, refused: [], sample }
    })
  }

  discard(id: string): Promise<void> {
    return this.#oneAfterTheOther(async () => {
      this.#waiting(id)
      await this.#data.store.discard(id)
      this.#setHeld(await this.#data.store.held())
    })
  }

  async #cursors(): Promise<Map<string, string | null>> {
    return new Map((await this.#data.store.sources()).map(({ source, cursor }) => [source, cursor]))
  }

  #fetch(zip: string, cursor: string | null, options: FetchOptions): Promise<SourceContent> {
    return fetchSource(zip, { index: this.#data.index, cursor }, options)
  }

  /** One change of everything that was read, or none. */
  async #take(contents: readonly SourceContent[]): Promise<ImportReport> {
    const sample = contents.some((content) => content.sample)
    if (sample && this.#deps.environment === 'production') {
      throw advisoriesError('advisories.sample-refused', 'the folder holds a file SAMPLE')
    }
    const { index } = this.#data
    const proposed = contents.flatMap((content) => differenceTo(index, content))
    const changes = against(index, proposed)
    const records = contents.reduce((sum, content) => sum + content.records.size, 0)
    const refused = contents.flatMap((content) => content.refused)
    const report = { records, refused, sample }
    const reason = changes.length === 0 ? undefined : ((await this.#shrinks(changes)) ?? this.#guard(changes))
    const compared = contents.map((content) => this.#comparedWith(content))
    if (reason !== undefined) {
      const held = await this.#putAside(proposed, reason, compared)
      const isWaiting = this.held().some(({ id }) => id === held.id)
      return { ...report, state: this.#data.state, changed: 0, ...(isWaiting && { held }) }
    }
    await this.#commit(changes, proposed, { compared })
    return { ...report, state: this.#data.state, changed: changes.length }
  }

  /** The newest catalogue counts, whole; an older one changes nothing. */
  async #takeExploited(catalogue: KnownExploited): Promise<ImportReport> {
    const { exploited, store, state } = this.#data
    const report = { state, records: catalogue.ids.size, refused: [], sample: false }
    if (exploited !== undefined && catalogue.releasedAt < exploited.releasedAt) return { ...report, changed: 0 }
    await store.keepKnownExploited(catalogue)
    this.#data.exploited = catalogue
    return { ...report, changed: catalogue.ids.symmetricDifference(exploited?.ids ?? new Set()).size }
  }

  async #shrinks(changes: readonly ChangedAdvisory[]): Promise<string | undefined> {
    const since = new Date(this.#deps.clock.now().getTime() - WEEK_MS)
    return shrinks(this.#data.index, lostBy(changes), await this.#data.store.lostSince(since))
  }

  #comparedWith(content: SourceContent): Compared {
    const { source, cursor } = content
    const complete = completeAsOf(this.#data.index, content, this.#deps.clock.now().toISOString())
    return { source, complete: Object.fromEntries(complete), ...(cursor !== undefined && { cursor }) }
  }

  async #commit(
    changes: readonly ChangedAdvisory[],
    proposed: readonly ProposedChange[],
    settling: Settling,
  ): Promise<void> {
    const { store, index } = this.#data
    if (changes.length === 0) {
      await store.compared(settling.compared)
      if (settling.settles !== undefined) await store.discard(settling.settles)
      this.#data.complete = await store.completeAsOf()
      return
    }
    const state = this.#data.state + 1
    const lost = { at: this.#deps.clock.now(), records: lostBy(changes) }
    await store.commit(state, changes, proposed, { ...settling, lost })
    // Nobody else has had a turn since the commit: whoever writes next sees the new state here.
    this.#data.state = state
    const origins = new Map(proposed.map((one) => [one.id, one]))
    for (const { id, after } of changes) {
      const { source = PUSHED, sample = false } = origins.get(id) ?? {}
      if (after === undefined) index.remove(id)
      else index.put({ advisory: after, source, sample })
    }
    this.#data.complete = await store.completeAsOf()
  }

  async #putAside(
    proposed: readonly ProposedChange[],
    reason: string,
    compared: readonly Compared[],
  ): Promise<HeldChange> {
    const { store } = this.#data
    const row = await store.hold({
      source: proposed[0]?.source ?? PUSHED,
      reason,
      held_at: this.#deps.clock.now().toISOString(),
      changes: JSON.stringify(proposed),
      compared: JSON.stringify(compared),
      changed: proposed.length,
    })
    this.#setHeld(await store.held())
    return heldChange(row)
  }

  #waiting(id: string): HeldRow {
    const row = this.#data.held.find((one) => one.id === id && one.discarded === 0)
    if (row !== undefined) return row
    throw advisoriesError('advisories.held-unknown', `no change ${JSON.stringify(id.slice(0, 80))} waits`)
  }

  #setHeld(rows: HeldRow[]): void {
    this.#data.held = rows
    const waiting = rows.filter(({ discarded }) => discarded === 0)
    const proposed = waiting.flatMap(({ changes }) => JSON.parse(changes) as ProposedChange[])
    // What would no longer count still counts while it waits, so only what would count more makes things uncertain.
    const adding = proposed.flatMap(({ after }) =>
      after === undefined || after.withdrawn !== undefined ? [] : [after],
    )
    this.#heldPackages = new Set(adding.flatMap((advisory) => [...packagesOf(advisory)]))
  }

  #oneAfterTheOther<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work)
    this.#last = result.catch(() => {})
    return result
  }
}

function heldChange({ id, reason, changed, held_at: heldAt }: HeldRow): HeldChange {
  return { id, reason, changed, heldAt }
}
