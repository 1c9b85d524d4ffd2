import type { VerificationPolicy } from '../policy/verificationPolicy.ts'
import type { Ending } from './facts.ts'

/** What happened to code that runs or is installed. `offline`: longer without news than `maxOffline`. */
export interface RecallEvent {
  readonly kind: 'revoked' | 'expired' | 'stale' | 'offline'
  /** For `revoked`: by which records. */
  readonly endings?: readonly Ending[]
}

/** `goBack`: to a release that is active now, and *stop* where there is none. `inform`: people are told, nothing else. */
export type RecallEffect = 'goBack' | 'stop' | 'refuseInstalls' | 'inform'

/**
 * What a recall does here: the policy decides (design, decision 7). A record's advice can only make it stricter: *stop*
 * says that going back does not help, and of several records the strictest counts. Milder advice is for people, so that nobody who may end trust can keep ended code
 * running.
 */
export function decideEffect({ kind, endings = [] }: RecallEvent, policy: VerificationPolicy): RecallEffect {
  if (kind === 'expired') return policy.onExpired
  if (kind === 'stale') return policy.onStale
  if (kind === 'offline') return policy.maxOffline === '0' ? 'inform' : 'stop'
  const isStopAdvised = endings.some(({ action }) => action === 'stop')
  return policy.onRevoked === 'goBack' && isStopAdvised ? 'stop' : policy.onRevoked
}
