// What the agent loads when it needs it first; loaded here, because loading takes real time, which no story may depend on.
import '@countersign/local/calls/est.ts'
import 'countersign-agent/loop/checkInPass.ts'
import 'countersign-agent/recall/follow.ts'
import 'tuf-js/dist/error.js'
import 'tuf-js/dist/store.js'
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { withNetwork } from '@countersign/local/anchors/network.ts'
import { parseTicket } from '@countersign/protocol/api/ticket.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { enrol } from 'countersign-agent/enrol/enrol.ts'
import { runAgent } from 'countersign-agent/loop/agent.ts'
import { dataFolder } from 'countersign-agent/state/dataFolder.ts'
import { onMachine } from './powerCuts.ts'
import type { SeededRandom } from './seededRandom.ts'
import { type Answering, goodLink, type Link, simulatedNetwork } from './simulatedNetwork.ts'
import { type ProcessListener, SimulatedProcesses } from './simulatedPrograms.ts'
import type { Life, SimulatedTime } from './simulatedTime.ts'

/** What a device of a simulation stands on. */
export interface DeviceDeps {
  readonly name: string
  /** Of this device alone. */
  readonly folder: string
  readonly time: SimulatedTime
  readonly random: SeededRandom
  readonly instance: () => Answering
  readonly pollMs: number
  readonly grainMs: number
  readonly observer: DeviceObserver
}

/** Told what happens on a device, as an observer with true time sees it. */
export interface DeviceObserver extends ProcessListener {
  /** A line of the agent's journal: what it noticed and did. */
  said(line: string): void
  /** The agent ended by itself, with this error. */
  gaveUp(error: unknown): void
}

const RESTART_MS = 10_000

/** A machine with a real agent on simulated clock, network and processes. Its data folder is a real one. */
export class SimulatedDevice {
  readonly name: string
  readonly link: Link = goodLink()
  /** Wall clock minus true time. */
  clockOffsetMs = 0
  readonly #deps: DeviceDeps
  #processes: SimulatedProcesses
  #isOn = true
  #boots = 0
  #bootedAtMs = 0
  #agent: { readonly life: Life; readonly stop: AbortController; readonly sinceMs: number } | undefined
  #cut: { readonly point: string; passings: number; readonly offMs: number } | undefined
  /** Since when the device has been where it is: memory that a restored snapshot took away does not count. */
  memorySinceMs = 0

  constructor(deps: DeviceDeps) {
    this.name = deps.name
    this.#deps = deps
    this.#processes = this.#switchOn()
  }

  get processes(): SimulatedProcesses {
    return this.#processes
  }

  /** When the agent that runs now was started; undefined while none does. */
  get agentSinceMs(): number | undefined {
    return this.#agent?.sinceMs
  }

  /** First trust and client certificate, by a ticket. */
  async enrol(ticket: string): Promise<void> {
    const life = { isAlive: true }
    const folder = dataFolder(this.#deps.folder)
    await withNetwork(this.#network(life), () => enrol(parseTicket(ticket), folder, { clock: this.#clock(life) }))
  }

  /** Starts the agent where none runs and the machine is on. */
  startAgent(): void {
    if (this.#agent !== undefined || !this.#isOn) return
    const { folder, pollMs, observer, time } = this.#deps
    const life = { isAlive: true }
    const stop = new AbortController()
    this.#agent = { life, stop, sinceMs: time.nowMs }
    const run = () =>
      runAgent({
        folder: dataFolder(folder),
        clock: this.#clock(life),
        signal: stop.signal,
        port: 8000,
        pollMs,
        once: false,
        print: (line) => life.isAlive && observer.said(line),
        random: () => this.#chance('agent').next(),
        programs: this.#processes.seenBy(life, () => this.#chance('program').between(1, 20_000)),
      })
    // A machine that lost its power writes nothing more, whatever of its code is still under way here.
    const machine = { passes: (point: string) => (life.isAlive ? this.#passes(point) : noPower()) }
    onMachine(machine, () => withNetwork(this.#network(life), run)).then(
      () => this.#agentEnded(life),
      (error) => life.isAlive && this.#gaveUp(life, error),
    )
  }

  /** As `systemctl stop`: the program is stopped first. */
  stopAgent(): void {
    this.#agent?.stop.abort(new DOMException('The agent was asked to end', 'AbortError'))
  }

  /** The agent's process is gone between two instructions; what it started runs on. */
  killAgent(): void {
    if (this.#agent === undefined) return
    this.#agent.life.isAlive = false
    this.#agent = undefined
    // The system drops the lock with the process; the file is what stands for it here.
    for (const name of ['lock', 'lock-journal']) rmSync(join(this.#deps.folder, name), { force: true })
  }

  /** The machine loses power. */
  powerOff(): void {
    this.#isOn = false
    this.killAgent()
    this.#processes.endAll()
  }

  /** Takes the power away at the `passings`-th time from now that `point` is passed, for `offMs`. Nothing: not any more. */
  cutPowerAt(cut?: { readonly point: string; readonly passings: number; readonly offMs: number }): void {
    this.#cut = cut && { ...cut }
  }

  #passes(point: string): void {
    const cut = this.#cut
    if (cut?.point !== point || --cut.passings > 0) return
    this.#cut = undefined
    this.powerOff()
    this.#deps.observer.said(`lost its power at ${point}`)
    this.#deps.time.at(this.#deps.time.nowMs + cut.offMs, () => this.powerOn())
    noPower()
  }

  /** The machine comes back, and its agent with it. One that is on stays as it is. */
  powerOn(): void {
    if (this.#isOn) return
    this.#isOn = true
    this.#processes = this.#switchOn()
    this.startAgent()
  }

  /** Copies the disk of the machine, which may run: every change on it is one step. */
  takeSnapshot(): void {
    rmSync(this.#snapshot, { recursive: true, force: true })
    cpSync(this.#deps.folder, this.#snapshot, { recursive: true, verbatimSymlinks: true })
  }

  /** Puts an older disk into the machine, which is off. False where none was copied. */
  restoreSnapshot(): boolean {
    if (!existsSync(this.#snapshot)) return false
    rmSync(this.#deps.folder, { recursive: true, force: true })
    cpSync(this.#snapshot, this.#deps.folder, { recursive: true, verbatimSymlinks: true })
    this.memorySinceMs = this.#deps.time.nowMs
    return true
  }

  get #snapshot(): string {
    return `${this.#deps.folder}.snapshot`
  }

  #switchOn(): SimulatedProcesses {
    const { time, observer, name } = this.#deps
    this.#bootedAtMs = time.nowMs
    this.#boots++
    const boot = Buffer.from(`${name} ${this.#boots}`).toString('hex').slice(-32)
    return new SimulatedProcesses(time, observer, boot)
  }

  #clock(life: Life) {
    const { time, grainMs } = this.#deps
    const phaseMs = Math.floor(this.#chance('phase').between(0, grainMs))
    const grain = { grainMs, grainUpToMs: 60_000, phaseMs }
    return time.clock({ life, offsetMs: () => this.clockOffsetMs, bootedAtMs: this.#bootedAtMs, ...grain })
  }

  /** What chance brings to one part of this device now, in whatever order its parts ask. */
  #chance(part: string): SeededRandom {
    const { random, time } = this.#deps
    return random.fork(`${part} ${time.nowMs}`)
  }

  #network(life: Life) {
    const { time, random, instance } = this.#deps
    return simulatedNetwork({ time, random, link: this.link, life, instance })
  }

  #agentEnded(life: Life): void {
    if (this.#agent?.life === life) this.#agent = undefined
  }

  /** The service manager starts it again. */
  #gaveUp(life: Life, error: unknown): void {
    this.#agentEnded(life)
    this.#deps.observer.gaveUp(error instanceof CodedError ? `${error.code}: ${error.message}` : error)
    this.#deps.time.at(this.#deps.time.nowMs + RESTART_MS, () => this.startAgent())
  }
}

function noPower(): never {
  throw new Error('the machine has no power')
}
