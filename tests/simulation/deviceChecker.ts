import type { DeviceObserver, SimulatedDevice } from './simulatedDevice.ts'
import type { SimulatedProcess } from './simulatedPrograms.ts'
import type { SimulatedTime } from './simulatedTime.ts'
import type { Story } from './story.ts'
import type { Truth } from './truth.ts'

/** The bounds that the policy of a simulation promises, with what the simulation's coarse clocks add. */
export interface DeviceBounds {
  /** From the moment that a device could have known of an ending to the end of the process. */
  readonly knownMs: number
  /** After this time without trouble a device listens to what is pushed. */
  readonly listensMs: number
  /** The same for a device that listened when it happened: nothing has to be fetched. */
  readonly pushedMs: number
  /** Of time during which the agent ran: longer without news no ended code runs. */
  readonly offlineMs: number
  /** No device is offline that had news later than this before. */
  readonly leastOfflineMs: number
  readonly honest: boolean
}

/** What a device shares with what checks it. */
export interface DeviceSurroundings {
  readonly time: SimulatedTime
  readonly truth: Truth
  /** Since when the instance answers without a break; undefined while it does not. */
  readonly instanceSinceMs: () => number | undefined
  readonly versionOf: (sha256: string) => string
  /** The artifact of a version. */
  readonly artifactOf: (version: string) => string | undefined
  readonly story: Story
}

const EXPLAINS_MS = 2_000
/** What an agent says when something is wrong. */
const ALARMS =
  /^(?:trustNotRenewed|certificateNotRenewed|notReported|notInstalled|feed|timeUnproven|refused|stale|offline|expired|waiting)\b/

/** Watches one device from outside and knows what it could have known. */
export class DeviceChecker implements DeviceObserver {
  readonly journal: { readonly atMs: number; readonly line: string }[] = []
  readonly #around: DeviceSurroundings
  readonly #bounds: DeviceBounds
  #stops: { readonly process: SimulatedProcess; readonly atMs: number }[] = []
  readonly #endedRunMs = new Map<string, number>()
  #device!: SimulatedDevice
  #lookedAtMs = 0
  #linkUpSinceMs = 0
  #wasUp = true
  /** When it last could have heard everything. */
  #lastNewsMs = 0
  #starts: { readonly atMs: number; readonly sha256: string }[] = []

  constructor(around: DeviceSurroundings, bounds: DeviceBounds) {
    this.#around = around
    this.#bounds = bounds
  }

  /** The device that tells this. */
  watch(device: SimulatedDevice): void {
    this.#device = device
    this.#lookedAtMs = this.#around.time.nowMs
    this.#lastNewsMs = this.#around.time.nowMs
  }

  said(line: string): void {
    this.journal.push({ atMs: this.#around.time.nowMs, line })
    this.#around.story.tell(this.#device.name, line)
    if (this.#bounds.honest && ALARMS.test(line)) this.#violated('an honest day gives no alarm', line)
  }

  gaveUp(error: unknown): void {
    this.#violated('an agent goes on', String(error))
  }

  started(process: SimulatedProcess): void {
    this.#starts.push({ atMs: this.#around.time.nowMs, sha256: process.sha256 })
  }

  ended(process: SimulatedProcess, by: 'agent' | 'itself' | 'machine'): void {
    const { truth, time } = this.#around
    if (by !== 'agent') this.#around.story.tell(this.#device.name, `process ${process.pid} ended by the ${by}`)
    else if (truth.endedAtMs(process.sha256) === undefined) this.#stops.push({ process, atMs: time.nowMs })
  }

  /** Looks at the device; to be called every few minutes. */
  look(): void {
    const { time } = this.#around
    const sinceLookMs = time.nowMs - this.#lookedAtMs
    this.#lookedAtMs = time.nowMs
    if (this.#device.link.isUp && !this.#wasUp) this.#linkUpSinceMs = time.nowMs
    this.#wasUp = this.#device.link.isUp
    const knowsSinceMs = this.#couldKnowSinceMs()
    if (knowsSinceMs !== undefined && time.nowMs - knowsSinceMs > this.#bounds.knownMs) this.#lastNewsMs = time.nowMs
    for (const process of this.#device.processes.running) this.#lookAtProcess(process, knowsSinceMs, sinceLookMs)
    // Devices hear of an ending before whoever looks from outside: a stop is judged by a truth that was read after it.
    const isDue = (one: { readonly atMs: number }) => one.atMs + EXPLAINS_MS < this.#around.truth.endingsReadMs
    const due = this.#stops.filter(isDue)
    this.#stops = this.#stops.filter((one) => !isDue(one))
    for (const stop of due) this.#judgeStop(stop)
  }

  /** Since when nothing has kept news from this device. */
  #couldKnowSinceMs(): number | undefined {
    const { link, agentSinceMs, memorySinceMs } = this.#device
    const instanceSinceMs = this.#around.instanceSinceMs()
    if (!link.isUp || agentSinceMs === undefined || instanceSinceMs === undefined) return undefined
    return Math.max(agentSinceMs, instanceSinceMs, link.lastTroubleMs, this.#linkUpSinceMs, memorySinceMs)
  }

  #lookAtProcess(
    { sha256, startedAtMs, pid }: SimulatedProcess,
    knowsSinceMs: number | undefined,
    sinceLookMs: number,
  ) {
    const { truth, time, versionOf } = this.#around
    const endedAtMs = truth.endedAtMs(sha256)
    if (endedAtMs === undefined) return
    const what = `${versionOf(sha256)}, process ${pid}, ended at ${Math.round(endedAtMs)}`
    if (knowsSinceMs !== undefined) {
      const sinceMs = Math.max(knowsSinceMs, endedAtMs, startedAtMs)
      const { knownMs, listensMs, pushedMs } = this.#bounds
      const isListening = Math.max(knowsSinceMs, this.#device.link.lastPushTroubleMs) + listensMs < endedAtMs
      const overMs = time.nowMs - sinceMs - (isListening ? pushedMs : knownMs)
      if (overMs > 0)
        this.#violated('no ended code runs that the device could know of', `${what}, ${overMs} ms too long`)
    }
    const key = `${sha256} ${this.#device.memorySinceMs}`
    const isGuarded = this.#device.agentSinceMs !== undefined
    const ranMs = (this.#endedRunMs.get(key) ?? 0) + (isGuarded ? sinceLookMs : 0)
    this.#endedRunMs.set(key, ranMs)
    if (ranMs > this.#bounds.offlineMs)
      this.#violated('no ended code runs longer than maxOffline', `${what}, ${ranMs} ms`)
  }

  /** Nothing had ended: there must have been another good reason. */
  #judgeStop({ process, atMs }: { readonly process: SimulatedProcess; readonly atMs: number }): void {
    const { sha256, pid } = process
    const isNear = (one: { readonly atMs: number }) => Math.abs(one.atMs - atMs) <= EXPLAINS_MS
    const lines = this.journal.filter(isNear).map(({ line }) => line)
    const what = `${this.#around.versionOf(sha256)}, process ${pid}: ${lines.join(' | ').slice(0, 400)}`
    if (this.#starts.some((one) => isNear(one) && one.sha256 !== sha256)) return
    if (this.#madePlaceInVain(lines, atMs - process.stopMs)) return
    if (this.#around.truth.endedAtMs(sha256) !== undefined) return
    const isOffline = lines.some((line) => /^offline\b|maxOffline/.test(line))
    const newsAgoMs = atMs - this.#lastNewsMs
    const lostMemory = this.#device.memorySinceMs > this.#lastNewsMs
    if (isOffline && (lostMemory || newsAgoMs > this.#bounds.leastOfflineMs)) return
    this.#violated('no device stops what did not end', what)
  }

  /** What was to start instead ended while the program that ran before took its time to end. */
  #madePlaceInVain(lines: readonly string[], askedAtMs: number): boolean {
    const { truth, artifactOf } = this.#around
    return lines.some((line) => {
      const [, version] = /^stopped .* to make place for \S+ (\S+) /.exec(line) ?? []
      const endedAtMs = truth.endedAtMs((version && artifactOf(version)) ?? '')
      return endedAtMs !== undefined && endedAtMs > askedAtMs - EXPLAINS_MS
    })
  }

  #violated(property: string, detail: string): void {
    this.#around.truth.violated(property, `${this.#device.name}: ${detail}`)
  }
}
