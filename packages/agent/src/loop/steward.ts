import { join } from 'node:path'
import type { Clock } from '@countersign/local/clock/clock.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { checkFiles } from '../enforce/checkFiles.ts'
import { examine, refuseStart, type Standing } from '../enforce/examine.ts'
import { freePort } from '../enforce/freePort.ts'
import { assignedReleases, type Candidate, releasesToTry } from '../enforce/goBack.ts'
import { exitWords, type Program, type Programs } from '../enforce/program.ts'
import type { ProgramUser } from '../enforce/programUser.ts'
import type { World } from '../enforce/world.ts'
import { releasesError } from '../releases/errors.ts'
import { type LoadedRelease, loadRelease, releaseFolder } from '../releases/releaseFolder.ts'
import type { DataFolder } from '../state/dataFolder.ts'
import type { StateStore } from '../state/stateStore.ts'
import { highestCounter, type InstalledRelease, withEvent } from '../state/storedState.ts'
import type { Journal } from './journal.ts'

/** What decides about the one program of this device. */
export interface StewardDeps {
  readonly folder: DataFolder
  readonly store: StateStore
  readonly world: World
  readonly clock: Clock
  readonly journal: Journal
  readonly programs: Programs
  /** Given to programs as `${PORT}`; a free one at each start where absent. */
  readonly port?: number
  readonly user?: ProgramUser
  readonly signal: AbortSignal
  /** Something changed that the server should hear soon. */
  readonly changed: () => void
}

/** When a push came and was verified, by the monotonic clock. */
export interface PushTimes {
  /** Its first byte. */
  readonly receivedAtMs: number
  readonly verifiedAtMs: number
}

/** The release that runs, all that decides about it in memory. */
interface Running {
  readonly loaded: LoadedRelease
  readonly program: Program
  readonly startedAtMs: number
  isEnding: boolean
}

const FIRST_PAUSE_MS = 1_000
const MAX_PAUSE_MS = 60_000
const LONG_RUN_MS = 60_000

/**
 * Runs what may run and stops what may not: the one place that starts and stops the program. Stopping goes at once and past
 * everything else; starting goes one at a time, and every start is checked anew from files and bundles on disk.
 */
export class Steward {
  readonly #deps: StewardDeps
  #running: Running | undefined
  /** Work that starts something, one after the other. */
  #last: Promise<unknown> = Promise.resolve()
  #pauseMs = FIRST_PAUSE_MS
  /** Installed releases whose files or bundles are not as they were; they have to be installed again. */
  readonly #broken = new Set<string>()

  constructor(deps: StewardDeps) {
    this.#deps = deps
  }

  /** What runs, and on which certifications it relies. */
  get running(): { readonly loaded: LoadedRelease; readonly program: Program } | undefined {
    return this.#running?.isEnding ? undefined : this.#running
  }

  isBroken(sha256: string): boolean {
    return this.#broken.has(sha256)
  }

  /** A release was installed again, whole. */
  repaired(sha256: string): void {
    this.#broken.delete(sha256)
  }

  /**
   * Finds what a process before this one left running: takes it over if it is the very process and its release may still run,
   * else ends all of it. Resolves once one of both is done. Throws `enforce.not-stopped`.
   */
  async adopt(): Promise<void> {
    const { store, folder, programs, journal } = this.#deps
    const { running: record, releases } = store.current
    if (record === undefined) return
    const release = releases.find((one) => one.sha256 === record.sha256)
    const taken = release && (await this.#adoptable(release))
    const program = taken && programs.takeOver(record, taken.stopTimeoutMs)
    if (program === undefined || taken === undefined) {
      await programs.endRemains(record)
      const ended = journal.event({ kind: 'ended', detail: `what ran before, ${folder.path} process ${record.pid}` })
      await store.change(({ running: _gone, ...state }) => withEvent(state, ended))
      return
    }
    this.#watch(taken.loaded, program)
    await journal.note({ kind: 'takenOver', detail: `${nameOf(taken.loaded.release)}, process ${record.pid}` })
  }

  async #adoptable(release: InstalledRelease): Promise<{ loaded: LoadedRelease; stopTimeoutMs: number } | undefined> {
    const { folder, world, journal } = this.#deps
    try {
      const at = releaseFolder(folder, release.sha256)
      const { stopTimeoutMs } = await checkFiles(at.archive, at.files, release.sha256)
      const loaded = await loadRelease(folder, release)
      refuseStart(examine(loaded, world.surroundings()), release.hasRun)
      return { loaded, stopTimeoutMs }
    } catch (error) {
      await journal.failure('refused', error, `start ${release.sha256}`)
      return undefined
    }
  }

  /**
   * Looks at what runs, by what is known now, in memory: stops it where the policy wants that. Resolves once it is gone, with
   * true, or at once with false. To be called with every piece of news, with its times where it was pushed, and now and then
   * for what comes with time.
   */
  async review(push?: PushTimes): Promise<boolean> {
    const running = this.#running
    if (running === undefined) return false
    const examination = examine(running.loaded, this.#deps.world.surroundings())
    const { standing, effect } = examination
    if (effect === 'stop' || effect === 'goBack') {
      const startMs = this.#deps.clock.monotonicMs()
      await this.#end(running, standing, () => stoppedWords(this.#deps.clock.monotonicMs(), startMs, push))
      return true
    }
    await this.#tell(standing)
    return false
  }

  /** Makes run what should run, after everything that was asked for before. Failures are events; only defects are thrown. */
  settle(): Promise<void> {
    const next = this.#last.then(() => this.#settle())
    this.#last = next.catch(() => undefined)
    return next
  }

  /** Stops the program because the agent ends. */
  async close(): Promise<void> {
    await this.#last
    if (this.#running !== undefined) await this.#end(this.#running)
  }

  async #settle(): Promise<void> {
    const { store, journal, signal } = this.#deps
    if (signal.aborted) return
    if (store.current.needsFreshCheckpoint) {
      return journal.note({ kind: 'waiting', detail: 'nothing starts before a fresh checkpoint' }, 'state')
    }
    const releases = assignedReleases(store.current)
    const [one] = releases
    if (one === undefined) return
    const candidates = await this.#candidates(releases)
    const highest = highestCounter(store.current, one.product, one.channel)
    for (const release of releasesToTry(candidates, highest)) {
      if (this.running?.loaded.release.sha256 === release.sha256) return
      if (await this.#tryStart(release)) return
    }
  }

  async #candidates(releases: readonly InstalledRelease[]): Promise<Candidate[]> {
    const { folder, world, journal } = this.#deps
    const candidates: Candidate[] = []
    for (const release of releases) {
      try {
        const loaded = await loadRelease(folder, release)
        candidates.push({ release, examination: examine(loaded, world.surroundings()) })
      } catch (error) {
        this.#broken.add(release.sha256)
        await journal.failure('refused', error, `start ${release.sha256}`)
      }
    }
    return candidates
  }

  async #tryStart(release: InstalledRelease): Promise<boolean> {
    const { journal } = this.#deps
    try {
      await this.#start(release)
      journal.settled(`start ${release.sha256}`)
      return true
    } catch (error) {
      if (error instanceof CodedError && isAboutFiles(error.code)) this.#broken.add(release.sha256)
      await journal.failure('refused', error, `start ${release.sha256}`)
      return false
    }
  }

  /** Every check of a start, on what lies on disk now; then the old program makes place; then the new one starts. */
  async #start(release: InstalledRelease): Promise<void> {
    const { folder, world, programs, store, journal, port = await freePort(), user, changed } = this.#deps
    const at = releaseFolder(folder, release.sha256)
    const manifest = await checkFiles(at.archive, at.files, release.sha256)
    if (manifest.product !== release.product || manifest.version !== release.version) {
      throw releasesError('releases.disagrees', `the manifest says ${manifest.product} ${manifest.version}`)
    }
    const loaded = await loadRelease(folder, release)
    refuseStart(examine(loaded, world.surroundings()), release.hasRun)
    const before = this.#running
    if (before !== undefined) await this.#end(before, undefined, () => `, to make place for ${nameOf(release)}`)
    // The feed may have moved on while files were read and the old program ended.
    const { now } = world.surroundings()
    const examination = examine(loaded, world.surroundings())
    refuseStart(examination, release.hasRun)
    const program = await programs.start(
      {
        sha256: release.sha256,
        manifest,
        files: at.files,
        work: join(folder.work, release.product),
        output: join(folder.output, `${release.product}.log`),
        port,
        ...(user && { user }),
        remember: async (record) => {
          const started = journal.event({ kind: 'started', detail: `${nameOf(release)}, process ${record.pid}` })
          const isLower = release.counter < highestCounter(store.current, release.product, release.channel)
          const wentBack = isLower ? [journal.event({ kind: 'wentBack', detail: `to ${nameOf(release)}` })] : []
          await store.change((state) =>
            [started, ...wentBack].reduce(withEvent, {
              ...state,
              releases: state.releases.map((one) => (one.sha256 === release.sha256 ? { ...one, hasRun: true } : one)),
              running: record,
            }),
          )
        },
      },
      now,
    )
    this.#watch(loaded, program)
    await this.#tell(examination.standing)
    changed()
    // A revocation that arrived between the last check and the start has found nothing to stop.
    await this.review()
  }

  #watch(loaded: LoadedRelease, program: Program): void {
    const running: Running = { loaded, program, startedAtMs: this.#deps.clock.monotonicMs(), isEnding: false }
    this.#running = running
    void program.exit.then((exit) => this.#endedByItself(running, exitWords(exit)))
  }

  async #end(running: Running, standing?: Standing, words: () => string = () => ''): Promise<void> {
    running.isEnding = true
    await running.program.stop()
    if (this.#running !== running) return
    this.#running = undefined
    const times = words()
    const { store, journal, changed } = this.#deps
    const name = nameOf(running.loaded.release)
    const isRecall = standing !== undefined && standing.kind !== 'good'
    const gone = journal.event({ kind: 'stopped', detail: `${name}, process ${running.program.record.pid}${times}` })
    const why = isRecall ? [journal.event({ kind: standing.kind, code: standing.code, detail: standing.why })] : []
    await store.change(({ running: _gone, ...state }) => [...why, gone].reduce(withEvent, state))
    changed()
  }

  /** Its leader ended without being asked to: the rest of it goes, too, and after a pause everything is checked again. */
  async #endedByItself(running: Running, how: string): Promise<void> {
    const { journal, clock, signal } = this.#deps
    if (running.isEnding || this.#running !== running || signal.aborted) return
    await this.#end(running)
    await journal.note({ kind: 'ended', detail: `${nameOf(running.loaded.release)}: ${how}` })
    const ranMs = clock.monotonicMs() - running.startedAtMs
    this.#pauseMs = ranMs > LONG_RUN_MS ? FIRST_PAUSE_MS : Math.min(this.#pauseMs * 2, MAX_PAUSE_MS)
    try {
      await clock.sleep(this.#pauseMs, signal)
    } catch {
      return
    }
    await this.settle()
  }

  async #tell(standing: Standing): Promise<void> {
    if (standing.kind === 'good') return this.#deps.journal.settled('standing')
    const { kind, why, code } = standing
    await this.#deps.journal.note({ kind, code, detail: why }, 'standing')
  }

  /** Keeps the program's output within bounds. */
  trimOutput(): void {
    this.#running?.program.trimOutput()
  }
}

/** Product and version, for people. */
export function nameOf({ product, version, counter }: InstalledRelease): string {
  return `${product} ${version} (release ${counter})`
}

/** How long a stop took: counted from the first byte of the push that caused it, else from the decision. */
function stoppedWords(nowMs: number, decidedAtMs: number, push: PushTimes | undefined): string {
  if (push === undefined) return `, gone ${(nowMs - decidedAtMs).toFixed(1)} ms after the decision`
  const sinceFirstByte = (atMs: number) => (atMs - push.receivedAtMs).toFixed(1)
  const [verified, gone] = [sinceFirstByte(push.verifiedAtMs), sinceFirstByte(nowMs)]
  return `, verified ${verified} ms and gone ${gone} ms after its first byte came`
}

function isAboutFiles(code: string): boolean {
  return code === 'enforce.files-changed' || code.startsWith('releases.') || code.startsWith('files.')
}
