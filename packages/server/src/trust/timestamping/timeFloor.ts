import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import { trustError } from '../errors.ts'
import { readState, writeState } from '../trustState.ts'
import type { TrustTables } from '../trustTables.ts'

/** A step back that is taken for the usual correction of a clock: as much as a timestamp's accuracy leaves open. */
const TOLERATED_STEP_MS = 1000

/** The latest time that was stamped; time below it is not believed. */
export interface TimeFloor {
  /**
   * The time to stamp now: the clock's, or for a step back of up to a second the floor again. Raises the floor.
   * Throws `trust.clock-unsound` where the clock went back further.
   */
  next(): Date
  /** Makes the floor durable. For a job, once a minute: after power loss a clock can be wrong by so much unnoticed. */
  save(): Promise<void>
}

/**
 * Opens the floor at the stored value or at `atLeast`, whichever is later: the newest time that anything else of this
 * instance has signed, such as a checkpoint.
 */
export async function openTimeFloor(deps: { database: Database; clock: Clock }, atLeast?: Date): Promise<TimeFloor> {
  let floorMs = Math.max(await readState(deps.database, 'timestamps.floor'), atLeast?.getTime() ?? 0)
  let savedMs = floorMs
  return {
    next() {
      const nowMs = deps.clock.now().getTime()
      if (nowMs < floorMs - TOLERATED_STEP_MS) {
        throw trustError('trust.clock-unsound', `the clock is ${floorMs - nowMs} ms behind the last timestamp`)
      }
      if (nowMs > floorMs) floorMs = nowMs
      return new Date(floorMs)
    },
    async save() {
      const value = floorMs
      if (value === savedMs) return
      await deps.database.commitTogether<TrustTables, void>('trust.time-floor', (trx) =>
        writeState(trx, 'timestamps.floor', value),
      )
      savedMs = value
    },
  }
}
