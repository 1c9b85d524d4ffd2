import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { jobsError } from './errors.ts'

/** Work that is done again and again. */
export interface Job {
  /** Lower-case words with hyphens; unique. */
  readonly name: string
  /** From the end of one run to the start of the next. */
  readonly everyMs: number
  /** Does the work. What it throws is logged and shown in the status; the next run comes as if nothing happened. */
  run(signal: AbortSignal): Promise<void>
}

/** How one job is doing. */
export interface JobStatus {
  readonly name: string
  /** When the last run ended. */
  readonly lastRunAt?: Date
  /** Why the last run failed; absent when it did not. */
  readonly lastError?: string
  /** Absent while paused. */
  readonly nextRunAt?: Date
}

/** All scheduled work of a process. */
export interface Jobs {
  /** True while nothing runs by itself. */
  readonly paused: boolean
  /** One row for each job, in the order they were given. */
  status(): JobStatus[]
  /** Runs a job now, paused or not, after the run that may be under way. Rejects with what the job throws, or `jobs.unknown`. */
  runNow(name: string): Promise<void>
  /** No job starts by itself any more. Resolves when none runs. */
  pause(): Promise<void>
  /** Undoes `pause`; jobs that became due meanwhile run at once. */
  resume(): void
  /** Tells running jobs to end, waits for them, and starts none again. */
  stop(): Promise<void>
}

/** What scheduled work needs. */
export interface JobsOptions {
  readonly jobs: readonly Job[]
  readonly clock: Clock
  readonly logger: Logger
  /** Starts paused. Default: false. */
  readonly paused?: boolean
}

interface Slot {
  readonly job: Job
  /** The end of the line of runs of this job; never rejects. */
  last: Promise<void>
  dueAtMs: number
  lastRunAt: Date | undefined
  lastError: string | undefined
}

/** Starts scheduled work: every job runs once at the start, then by its own rhythm. Jobs run beside each other, never beside themselves. */
export function startJobs(options: JobsOptions): Jobs {
  const { clock, logger } = options
  const slots = new Map(options.jobs.map((job) => [job.name, newSlot(job, clock)]))
  if (slots.size !== options.jobs.length) throw jobsError('jobs.misused', 'two jobs have the same name')
  const stopping = new AbortController()
  let paused = options.paused ?? false
  let turn = new AbortController()

  const runSlot = (slot: Slot): Promise<void> => {
    const run = slot.last.then(() => runOnce(slot, clock, logger, stopping.signal))
    slot.last = run.catch(() => {})
    return run
  }
  const follow = async (slot: Slot): Promise<void> => {
    while (!stopping.signal.aborted) {
      const waitMs = paused ? Number.POSITIVE_INFINITY : slot.dueAtMs - clock.monotonicMs()
      if (waitMs <= 0) await runSlot(slot).catch(() => {})
      else await waitFor(waitMs, clock, turn.signal)
    }
  }
  const wakeAll = () => {
    turn.abort()
    turn = new AbortController()
  }
  const loops = [...slots.values()].map(follow)
  const idle = async () => {
    await Promise.all([...slots.values()].map((slot) => slot.last))
  }

  return {
    get paused() {
      return paused
    },
    status: () => [...slots.values()].map((slot) => describe(slot, clock, paused)),
    async runNow(name) {
      const slot = slots.get(name)
      if (slot === undefined) throw jobsError('jobs.unknown', `there is no job ${name.slice(0, 64)}`)
      await runSlot(slot)
      wakeAll()
    },
    async pause() {
      paused = true
      wakeAll()
      await idle()
    },
    resume() {
      paused = false
      wakeAll()
    },
    async stop() {
      stopping.abort()
      wakeAll()
      await Promise.all(loops)
      await idle()
    },
  }
}

function newSlot(job: Job, clock: Clock): Slot {
  return {
    job,
    last: Promise.resolve(),
    dueAtMs: clock.monotonicMs(),
    lastRunAt: undefined,
    lastError: undefined,
  }
}

async function runOnce(slot: Slot, clock: Clock, logger: Logger, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  try {
    await slot.job.run(signal)
    slot.lastError = undefined
  } catch (error) {
    slot.lastError = error instanceof Error ? error.message : String(error)
    logger.error({ err: error, job: slot.job.name }, 'a job failed')
    throw error
  } finally {
    slot.lastRunAt = clock.now()
    slot.dueAtMs = clock.monotonicMs() + slot.job.everyMs
  }
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
async function waitFor(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (Number.isFinite(ms)) return clock.sleep(ms, signal).catch(() => {})
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}

function describe(slot: Slot, clock: Clock, paused: boolean): JobStatus {
  const inMs = Math.max(0, slot.dueAtMs - clock.monotonicMs())
  return {
    name: slot.job.name,
    ...(slot.lastRunAt !== undefined && { lastRunAt: slot.lastRunAt }),
    ...(slot.lastError !== undefined && { lastError: slot.lastError }),
    ...(!paused && { nextRunAt: new Date(clock.now().getTime() + inMs) }),
  }
}
