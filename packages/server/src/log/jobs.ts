import type { Job } from '@countersign/platform/jobs/jobs.ts'
import type { TransparencyLog } from './transparencyLog.ts'

/** A follower of a log that has heard nothing for a few of these knows that something is wrong. */
const HEARTBEAT_EVERY_MS = 10_000

/** Partial tiles cost space, not correctness. */
const COLLECT_EVERY_MS = 10 * 60_000

/** The scheduled work of the logs: a fresh time on every checkpoint, whether or not the tree grows; and clearing away. */
export function logJobs(logs: readonly TransparencyLog[]): Job[] {
  return logs.flatMap((log) => [
    { name: `heartbeat-${log.name}`, everyMs: HEARTBEAT_EVERY_MS, run: () => log.heartbeat() },
    {
      name: `collect-${log.name}`,
      everyMs: COLLECT_EVERY_MS,
      run: async (signal: AbortSignal) => {
        await log.collectPartials(signal)
      },
    },
  ])
}
