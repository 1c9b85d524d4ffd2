import type { Job } from '@countersign/platform/jobs/jobs.ts'
import type { Outbox } from '@countersign/platform/outbox/outbox.ts'
import { ADVISORIES_CHANGED } from './advisories/advisoryStore.ts'
import { endCatalogued } from './watch/endCatalogued.ts'
import { followAdvisories } from './watch/followAdvisories.ts'
import { logRecords } from './watch/logRecords.ts'
import { FINDINGS_CHANGED, reportAccepted, reportReached } from './watch/reportReached.ts'
import { revokeDoomed } from './watch/revokeDoomed.ts'
import type { WatchDeps } from './watch/watchDeps.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** An advisory reached a certification that had no number yet, and now it has one. Payload: {certification}. */
export const CERTIFICATION_DOOMED = 'certify.doomed'
/** A certification was handed out. Payload: {certification}. */
export const CERTIFICATION_ACTIVE = 'certify.active'

/** What events and scheduled work move: everything that happens without a request or submission is on this page. */
export interface FlowDeps {
  readonly watch: WatchDeps
  /** Looks for certificates in this validator's name that it never asked for. */
  followCertificates(signal: AbortSignal): Promise<void>
  /** Tells the instance how this validator is. */
  putStatus(): Promise<void>
  /** Renews trust in the instance, so that an ended signer or a changed policy is known before the next submission. */
  renewTrust(): Promise<void>
  /** Renews the client certificate when it is due. */
  renewClient(): Promise<void>
  /** Names the key that signs revocations, until the instance has taken it. */
  putRevokerKey(): Promise<void>
  /** Fetches what the imported addresses have changed. */
  syncAdvisories(): Promise<void>
  /** Catalogues artifacts of active certifications again that an older inspector catalogued. */
  catalogueAgain(signal: AbortSignal): Promise<void>
}

/** What runs by the clock. */
export function scheduledWork(deps: FlowDeps): Job[] {
  return [
    { name: 'revoker-key', everyMs: 10 * MINUTE_MS, run: () => deps.putRevokerKey() },
    { name: 'status', everyMs: MINUTE_MS, run: () => deps.putStatus() },
    { name: 'trust', everyMs: MINUTE_MS, run: () => deps.renewTrust() },
    // The outbox logs records at once; this repairs what an instance that was away has missed.
    { name: 'revocations', everyMs: MINUTE_MS, run: async () => void (await logRecords(deps.watch)) },
    // Nobody else can tell a forged certification from one of ours.
    { name: 'certificate-log', everyMs: MINUTE_MS / 2, run: (signal) => deps.followCertificates(signal) },
    { name: 'advisories', everyMs: HOUR_MS, run: () => deps.syncAdvisories() },
    { name: 'client-certificate', everyMs: HOUR_MS, run: () => deps.renewClient() },
    {
      name: 'catalogue-again',
      everyMs: HOUR_MS,
      async run(signal) {
        await deps.catalogueAgain(signal)
        await endCatalogued(deps.watch)
      },
    },
  ]
}

/** What each event sets off, at least once and at once. */
export function handleEvents(outbox: Outbox, deps: Pick<FlowDeps, 'watch' | 'putStatus'>): void {
  outbox.on(ADVISORIES_CHANGED, async ({ payload }) => {
    await followAdvisories(deps.watch, payload)
    // Not awaited: an instance that answers slowly must not hold back the next change. The job tells it again.
    void deps.putStatus().catch(() => {})
  })
  outbox.on(FINDINGS_CHANGED, async ({ payload }) => {
    const { advisories } = payload as { readonly advisories: readonly string[] }
    for (const advisory of advisories) await reportReached(deps.watch, advisory)
  })
  outbox.on(CERTIFICATION_DOOMED, ({ payload }) => revokeDoomed(deps.watch, payload))
  outbox.on(CERTIFICATION_ACTIVE, ({ payload }) =>
    reportAccepted(deps.watch, (payload as { readonly certification: number }).certification),
  )
}
