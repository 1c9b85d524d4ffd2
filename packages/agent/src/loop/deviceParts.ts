import type { Clock } from '@countersign/local/clock/clock.ts'
import type { World } from '../enforce/world.ts'
import { askTime } from '../state/askTime.ts'
import type { DataFolder } from '../state/dataFolder.ts'
import type { DeviceTime } from '../state/deviceTime.ts'
import type { StateStore } from '../state/stateStore.ts'
import type { Journal } from './journal.ts'
import type { Steward } from './steward.ts'

/** The parts of one running agent. */
export interface DeviceParts {
  readonly folder: DataFolder
  readonly name: string
  readonly store: StateStore
  readonly world: World
  readonly time: DeviceTime
  readonly clock: Clock
  readonly journal: Journal
  readonly steward: Steward
  readonly signal: AbortSignal
}

/** At start and after jumps of the clock (design 8). */
export async function proveTime({ time, world, journal, store, signal }: DeviceParts): Promise<void> {
  if (time.isProven()) return
  try {
    time.prove(await askTime(world.anchors, signal))
    journal.settled('time')
    await store.change((state) => ({ ...state, timeFloor: time.floor().toISOString() }))
  } catch (error) {
    signal.throwIfAborted()
    await journal.failure('timeUnproven', error, 'time')
  }
}
