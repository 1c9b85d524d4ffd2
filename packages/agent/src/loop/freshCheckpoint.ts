import type { Knowledge } from '@countersign/protocol/decide/facts.ts'
import { durationMs } from '@countersign/protocol/policy/duration.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { DeviceTime } from '../state/deviceTime.ts'
import type { StateStore } from '../state/stateStore.ts'

/** By what a checkpoint is judged after a loss of state. */
export interface FreshnessRule {
  readonly time: DeviceTime
  readonly store: Pick<StateStore, 'current'>
  readonly policy: Pick<VerificationPolicy, 'maxStaleness'>
}

/**
 * Whether this news lets things start again after a loss of state (design 8). A device that has forgotten what it knew cannot
 * see that an old checkpoint is replayed to it, so nothing counts here but time: fetched, no log in doubt, cosigned no longer
 * ago than `maxStaleness` by a time that the instance has proven, and of at least the size that is remembered to have been
 * acknowledged. `size` is that of `News`, decimal.
 */
export function isFreshCheckpoint(knowledge: Knowledge, size: string, { time, store, policy }: FreshnessRule): boolean {
  const { source, freshness, problem } = knowledge
  if (source !== 'fetched' || freshness === undefined || problem !== undefined || !time.isProven()) return false
  const ageMs = time.now().getTime() - freshness.getTime()
  return ageMs <= durationMs(policy.maxStaleness) && BigInt(size) >= BigInt(store.current.acknowledged)
}
