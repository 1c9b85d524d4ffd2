import type { VerificationPolicy } from '../policy/verificationPolicy.ts'
import type { Ending } from './facts.ts'

/**
 * What happened to code that runs or is installed. `refused`: the policy of now does not let it run, though no record ended
 * it. `offline`: longer without news than `maxOffline`.
 */
export interface RecallEvent {
  readonly kind: 'revoked' | 'refused' | 'expired' | 'stale' | 'offline'
  /** For `revoked`: by which records. */
  readonly endings?: readonly Ending[]
}

/** `goBack`: to a release that is active now, and *stop* where there is none. `inform`: people are told, nothing else. */
export type RecallEffect = 'goBack' | 'stop' | 'refuseInstalls' | 'inform'

/**
 * What a recall does here: the policy decides (design, decision 7). A record's advice can only make it stricter: *stop*
 * says that going back does not help, and of several records the strictest counts. Milder advice is for people, so that nobody who may end trust can keep ended code
 * running.
 *
 * What the policy itself no longer lets run (a validator taken out, an identity narrowed, more validators asked for) ends like
 * what was revoked: the administrator signed both. It never goes back, because only a revocation leads to a lower version
 * (design, decision 10).
 */
export function decideEffect({ kind, endings = [] }: RecallEvent, policy: VerificationPolicy): RecallEffect {
  if (kind === 'expired') return policy.onExpired
  if (kind === 'stale') return policy.onStale
  if (kind === 'offline') return policy.maxOffline === '0' ? 'inform' : 'stop'
  if (kind === 'refused') return policy.onRevoked === 'inform' ? 'inform' : 'stop'
  const isStopAdvised = endings.some(({ action }) => action === 'stop')
  return policy.onRevoked === 'goBack' && isStopAdvised ? 'stop' : policy.onRevoked
}
