import { once } from 'node:events'
import type { Clock } from '@countersign/local/clock/clock.ts'
import type { OutputFile } from '@countersign/local/files/outputFile.ts'
import type { RunningProcess } from '../state/storedState.ts'
import { isStillThere } from './processFacts.ts'
import { type ProcessGroup, processGroup } from './processGroup.ts'
import { type StartedProcess, type StartJob, start } from './start.ts'
import { stop } from './stop.ts'

/** How the leader of a program ended; neither is known of one that was taken over. */
export interface ProgramExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A program that runs, whoever started it. */
export interface Program {
  readonly record: RunningProcess
  /** Resolves once its leader has ended; never rejects. */
  readonly exit: Promise<ProgramExit>
  /** Passes a signal on to the leader. */
  signal(name: NodeJS.Signals): void
  /** Stops all of it; the second call waits for the first. Throws `enforce.not-stopped`. */
  stop(): Promise<void>
  /** Keeps its output within bounds; to be called now and then. */
  trimOutput(): void
}

/** How a device starts programs, finds them again and ends them. Simulations pass their own. */
export interface Programs {
  /** Starts a program; see `start`. */
  start(job: StartJob, startedAt: Date): Promise<Program>
  /** Takes over what a process before this one started; see `takeOver`. */
  takeOver(record: RunningProcess, stopTimeoutMs: number): Program | undefined
  /** Ends what is left of a program; see `endRemains`. */
  endRemains(record: RunningProcess): Promise<void>
}

/** The processes of the operating system; until `signal` aborts, those that are not our children are watched. */
export function systemPrograms(clock: Clock, signal?: AbortSignal): Programs {
  return {
    start: (job, startedAt) => startProgram(job, startedAt, clock),
    takeOver: (record, stopTimeoutMs) => takeOver(record, stopTimeoutMs, clock, signal),
    endRemains: (record) => endRemains(record, clock),
  }
}

/** How often a process that is not our child is looked at. */
const WATCH_MS = 250

/** Starts a program; see `start`. */
export async function startProgram(job: StartJob, startedAt: Date, clock: Clock): Promise<Program> {
  const { record, child, output }: StartedProcess = await start(job, startedAt)
  const exit = once(child, 'exit').then(([code, signal]): ProgramExit => ({ code, signal }))
  const reaped = () => {
    // Nothing else may keep this process alive by then, and whoever stops a program waits for its end.
    child.ref()
    return exit
  }
  return program({ record, exit, stopTimeoutMs: job.manifest.stopTimeoutMs, reaped, output }, clock)
}

/**
 * Takes over a program that a process before this one started; undefined where it is not there any more. Its whole group is
 * watched as if it were ours, only its exit code is lost. Once `signal` aborts nobody watches any more: an agent that leaves
 * the program running must be able to end itself.
 */
export function takeOver(
  record: RunningProcess,
  stopTimeoutMs: number,
  clock: Clock,
  signal?: AbortSignal,
): Program | undefined {
  if (!isStillThere(record)) return undefined
  return program({ record, exit: watch(record, clock, signal), stopTimeoutMs }, clock)
}

async function watch(record: RunningProcess, clock: Clock, signal?: AbortSignal): Promise<ProgramExit> {
  while (isStillThere(record)) {
    const isAborted = await clock.sleep(WATCH_MS, signal).then(
      () => false,
      () => true,
    )
    // It has not ended, so this must not resolve.
    if (isAborted) await new Promise<never>(() => {})
  }
  return { code: null, signal: null }
}

/** Ends what is left of a program whose leader is gone or whose release may not run: its children, too. */
export async function endRemains(record: RunningProcess, clock: Clock): Promise<void> {
  // Without a control group its number may be somebody else's by now.
  if (record.controlGroup === undefined && !isStillThere(record)) return
  await stop(processGroup(record), 0, clock)
}

interface ProgramParts extends Pick<Program, 'record' | 'exit'> {
  readonly stopTimeoutMs: number
  /** Resolves once the system has forgotten the leader: it is our child. */
  readonly reaped?: () => Promise<unknown>
  readonly output?: OutputFile | undefined
}

function program({ record, exit, stopTimeoutMs, reaped, output }: ProgramParts, clock: Clock): Program {
  const group: ProcessGroup = processGroup(record)
  let stopping: Promise<void> | undefined
  void exit.then(() => output?.close())
  return {
    record,
    exit,
    signal(name) {
      if (isStillThere(record)) process.kill(record.pid, name)
    },
    stop() {
      stopping ??= stop(group, stopTimeoutMs, clock, reaped?.()).then(async () => void (await reaped?.()))
      return stopping
    },
    trimOutput() {
      try {
        output?.trim()
      } catch {
        // A full disk must not end the agent; the program's own writes fail then, too.
      }
    },
  }
}

/** In words, for people. */
export function exitWords({ code, signal }: ProgramExit): string {
  if (signal !== null) return `it was ended by ${signal}`
  return code === null ? 'it ended' : `it ended with code ${code}`
}
