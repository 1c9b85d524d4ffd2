import type { Clock } from '@countersign/local/clock/clock.ts'
import { enforceError } from './errors.ts'
import type { ProcessGroup } from './processGroup.ts'

/** No manifest keeps ended code running for longer than this. */
export const MAX_STOP_MS = 30_000
const KILL_WAIT_MS = 10_000
const QUICK_MS = 500

/**
 * Stops a program: SIGTERM to all of it, at the latest after `stopTimeoutMs` (30 seconds at most) SIGKILL, until no member is
 * left. Resolves only then. Where `leaderEnded` tells of the end of our own child, nobody looks before that: what is left
 * after it is looked for, often at first, because a recall is measured by it. Throws `enforce.not-stopped`.
 */
export async function stop(
  group: ProcessGroup,
  stopTimeoutMs: number,
  clock: Clock,
  leaderEnded?: Promise<unknown>,
): Promise<void> {
  group.signal('SIGTERM')
  if (!(await isEmptyWithin(group, Math.min(stopTimeoutMs, MAX_STOP_MS), clock, leaderEnded))) {
    group.signal('SIGKILL')
    if (!(await isEmptyWithin(group, KILL_WAIT_MS, clock, leaderEnded))) {
      throw enforceError('enforce.not-stopped', 'a process is left after SIGKILL')
    }
  }
  group.release()
}

async function isEmptyWithin(
  group: ProcessGroup,
  timeoutMs: number,
  clock: Clock,
  leaderEnded: Promise<unknown> | undefined,
): Promise<boolean> {
  const startMs = clock.monotonicMs()
  if (leaderEnded !== undefined) await endedWithin(leaderEnded, timeoutMs, clock)
  for (const firstLookMs = clock.monotonicMs(); ; ) {
    if (group.isEmpty()) return true
    const nowMs = clock.monotonicMs()
    const leftMs = startMs + timeoutMs - nowMs
    if (leftMs <= 0) return false
    await clock.sleep(Math.min(nowMs - firstLookMs < QUICK_MS ? 2 : 20, leftMs))
  }
}

async function endedWithin(ended: Promise<unknown>, timeoutMs: number, clock: Clock): Promise<void> {
  const over = new AbortController()
  // Rejects only because it is over.
  const late = clock.sleep(timeoutMs, over.signal).catch(() => undefined)
  await Promise.race([ended, late])
  over.abort()
}
