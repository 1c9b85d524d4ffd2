import type { Clock } from '@countersign/local/clock/clock.ts'
import { enforceError } from './errors.ts'
import type { ProcessGroup } from './processGroup.ts'

/** No manifest keeps ended code running for longer than this. */
export const MAX_STOP_MS = 30_000
const KILL_WAIT_MS = 10_000
const QUICK_MS = 500

/**
 * Stops a program: SIGTERM to all of it, at the latest after `stopTimeoutMs` (30 seconds at most) SIGKILL, until no member is
 * left. Resolves only then. The wait is short at first, because a recall is measured by it. Throws `enforce.not-stopped`.
 */
export async function stop(group: ProcessGroup, stopTimeoutMs: number, clock: Clock): Promise<void> {
  group.signal('SIGTERM')
  if (!(await isEmptyWithin(group, Math.min(stopTimeoutMs, MAX_STOP_MS), clock))) {
    group.signal('SIGKILL')
    if (!(await isEmptyWithin(group, KILL_WAIT_MS, clock))) {
      throw enforceError('enforce.not-stopped', 'a process is left after SIGKILL')
    }
  }
  group.release()
}

async function isEmptyWithin(group: ProcessGroup, timeoutMs: number, clock: Clock): Promise<boolean> {
  const startMs = clock.monotonicMs()
  for (;;) {
    if (group.isEmpty()) return true
    const elapsedMs = clock.monotonicMs() - startMs
    if (elapsedMs >= timeoutMs) return false
    await clock.sleep(Math.min(elapsedMs < QUICK_MS ? 2 : 20, timeoutMs - elapsedMs))
  }
}
