import type { Clock } from '@countersign/local/clock/clock.ts'

/** No device lives before its own program: the time that this version was made, at the latest. */
export const EARLIEST_TIME = new Date('2026-11-01T00:00:00Z')

/** A wall clock that moved this much against the monotonic one was set, or the machine slept. */
const JUMP_MS = 60_000

/**
 * A device's time (design 8): a floor that never falls, carried on by the monotonic clock. The wall clock counts only until
 * the instance has proven its time, because whoever sets the clock must not decide what is fresh.
 */
export interface DeviceTime {
  /** The best that is known; before a proof the wall clock may be ahead of what is certain. */
  now(): Date
  /** What is certain: it is at least this. The part of `now` that may be written down. */
  floor(): Date
  /** False at start and after a jump of the wall clock, until `prove`. Uncertain time counts as stale. */
  isProven(): boolean
  /** It is at least `time`: quorums of witnesses signed it. */
  raise(time: Date): void
  /** It is `time` now: the timestamp authority stamped fresh random bytes. A floor above it stays. */
  prove(time: Date): void
}

/** Time that starts at `floor`, the latest of the program's own, the stored and the witnesses' time. */
export function openDeviceTime(clock: Clock, floor: Date): DeviceTime {
  let base = { timeMs: floor.getTime(), monotonicMs: clock.monotonicMs() }
  /** Wall minus monotonic clock when the time was proven. */
  let provenAtMs: number | undefined

  const steadyMs = () => base.timeMs + (clock.monotonicMs() - base.monotonicMs)
  const isProven = () => {
    if (provenAtMs === undefined) return false
    if (Math.abs(clock.now().getTime() - clock.monotonicMs() - provenAtMs) > JUMP_MS) provenAtMs = undefined
    return provenAtMs !== undefined
  }
  const raise = (timeMs: number) => {
    if (timeMs > steadyMs()) base = { timeMs, monotonicMs: clock.monotonicMs() }
  }
  return {
    now: () => new Date(isProven() ? steadyMs() : Math.max(steadyMs(), clock.now().getTime())),
    floor: () => new Date(steadyMs()),
    isProven,
    raise: (time) => raise(time.getTime()),
    prove(time) {
      raise(time.getTime())
      provenAtMs = clock.now().getTime() - clock.monotonicMs()
    },
  }
}
