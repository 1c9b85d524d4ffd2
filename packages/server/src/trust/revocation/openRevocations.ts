import type { TransparencyLog } from '../../log/transparencyLog.ts'
import { inTurn } from '../inTurn.ts'
import type { AutomaticDeps } from './addRevocation.ts'
import { FeedPush } from './feedPush.ts'
import { finishRevocations } from './logRevocation.ts'
import type { RevocationDeps } from './revocationDeps.ts'

/** What revoking in a running instance stands on. */
export interface OpenRevocationsDeps extends RevocationDeps {
  readonly log: TransparencyLog
  /** Key id of the certifications authority that issues now. */
  readonly authority: string
}

/** Revocation in a running instance. */
export interface Revocations extends OpenRevocationsDeps, Pick<AutomaticDeps, 'inTurn'> {
  /** Tells followers what the revocation log publishes. */
  readonly push: FeedPush
  /** Logs again what a crash or failure cut off. For a job. */
  finish(): Promise<number>
  /** Ends every stream of news. */
  close(): void
}

/**
 * Opens revocation and finishes what a crash left: when this resolves, every record whose intent is durable is logged and
 * has taken effect here. Throws what the log throws.
 */
export async function openRevocations(deps: OpenRevocationsDeps): Promise<Revocations> {
  await finishRevocations(deps)
  const push = new FeedPush({ log: deps.log, clock: deps.clock })
  return { ...deps, inTurn: inTurn(), push, finish: () => finishRevocations(deps), close: () => push.close() }
}
