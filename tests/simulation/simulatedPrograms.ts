import type { Program, ProgramExit, Programs } from 'countersign-agent/enforce/program.ts'
import type { RunningProcess } from 'countersign-agent/state/storedState.ts'
import type { Life, SimulatedTime } from './simulatedTime.ts'

/** One process of one machine. It outlives the agent that started it, and never the machine. */
export interface SimulatedProcess {
  readonly pid: number
  /** Of the artifact. */
  readonly sha256: string
  readonly startedAtMs: number
  /** How long it takes to end after it was asked to. */
  readonly stopMs: number
  readonly ended: Promise<ProgramExit>
  isRunning: boolean
}

/** Told what starts and ends on a machine. `by` says who ended it. */
export interface ProcessListener {
  started(process: SimulatedProcess): void
  ended(process: SimulatedProcess, by: 'agent' | 'itself' | 'machine'): void
}

/** The processes of one machine since it was switched on. */
export class SimulatedProcesses {
  readonly #time: SimulatedTime
  readonly #listener: ProcessListener
  readonly #bootId: string
  readonly #processes = new Map<number, SimulatedProcess & { end(exit: ProgramExit): void }>()
  #nextPid = 100

  constructor(time: SimulatedTime, listener: ProcessListener, bootId: string) {
    this.#time = time
    this.#listener = listener
    this.#bootId = bootId
  }

  get running(): readonly SimulatedProcess[] {
    return [...this.#processes.values()].filter(({ isRunning }) => isRunning)
  }

  /** The program ends by itself. */
  crash(pid: number): void {
    this.#end(pid, 'itself', { code: 1, signal: null })
  }

  /** The machine goes down. */
  endAll(): void {
    for (const pid of this.#processes.keys()) this.#end(pid, 'machine', { code: null, signal: 'SIGKILL' })
  }

  /** What an agent on this machine sees. An agent that is gone neither starts nor stops anything. */
  seenBy(life: Life, stopMs: () => number): Programs {
    const opened = (record: RunningProcess): Program => ({
      record,
      exit: this.#ended(record.pid),
      signal: () => {},
      stop: () => this.#stop(record.pid, life),
      trimOutput: () => {},
    })
    return {
      start: async ({ sha256, port, remember }, startedAt) => {
        const pid = this.#nextPid++
        const record = {
          sha256,
          pid,
          port,
          startTicks: String(Math.floor(this.#time.nowMs / 10)),
          bootId: this.#bootId,
          startedAt: startedAt.toISOString(),
        }
        await remember(record)
        this.#start(pid, sha256, stopMs())
        return opened(record)
      },
      takeOver: (record) => (this.#isThere(record) ? opened(record) : undefined),
      endRemains: async (record) => {
        if (this.#isThere(record)) await this.#stop(record.pid, life)
      },
    }
  }

  #start(pid: number, sha256: string, stopMs: number): void {
    const { promise, resolve } = Promise.withResolvers<ProgramExit>()
    const process = {
      pid,
      sha256,
      startedAtMs: this.#time.nowMs,
      stopMs,
      ended: promise,
      isRunning: true,
      end: resolve,
    }
    this.#processes.set(pid, process)
    this.#listener.started(process)
  }

  #isThere({ pid, bootId }: RunningProcess): boolean {
    return bootId === this.#bootId && this.#processes.get(pid)?.isRunning === true
  }

  async #ended(pid: number): Promise<ProgramExit> {
    return this.#processes.get(pid)?.ended ?? { code: null, signal: null }
  }

  async #stop(pid: number, life: Life): Promise<void> {
    await this.#time.wait(this.#processes.get(pid)?.stopMs ?? 0)
    if (!life.isAlive) return new Promise(() => {})
    this.#end(pid, 'agent', { code: null, signal: 'SIGTERM' })
  }

  #end(pid: number, by: 'agent' | 'itself' | 'machine', exit: ProgramExit): void {
    const process = this.#processes.get(pid)
    if (process?.isRunning !== true) return
    process.isRunning = false
    this.#listener.ended(process, by)
    process.end(exit)
  }
}
