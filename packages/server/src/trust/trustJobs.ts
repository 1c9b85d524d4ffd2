import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Job } from '@countersign/platform/jobs/jobs.ts'
import type { KeyStore } from '@countersign/platform/keystore/keyStore.ts'
import { renewTimestampSigner } from './authority/renewIssuing.ts'
import type { TrustFacts } from './facts.ts'
import type { Trust } from './openTrust.ts'
import type { Unrecorded } from './revocation/revokeUnrecorded.ts'

/** What the scheduled work of this folder needs, and whom it tells. */
export interface TrustJobsDeps {
  readonly trust: Trust
  readonly facts: TrustFacts
  readonly database: Database
  readonly clock: Clock
  readonly onlineKeys: KeyStore
  /** Publishes the anchors anew from the present certificates. */
  publishAnchors(): Promise<void>
  /** Told when certificates were found that nobody here intended, after they were revoked. */
  onUnrecorded(found: readonly Unrecorded[]): Promise<void>
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** The scheduled work of this folder. Each run does only what is due, so a missed or repeated run does no harm. */
export function trustJobs(deps: TrustJobsDeps): Job[] {
  const { trust, facts } = deps
  return [
    { name: 'trust-revocation-lists', everyMs: MINUTE_MS, run: () => trust.publishCrls() },
    { name: 'trust-time-floor', everyMs: MINUTE_MS, run: () => trust.timestamps.floor.save() },
    { name: 'trust-anchors', everyMs: HOUR_MS, run: () => trust.anchors.renew() },
    {
      name: 'trust-compare-certificates',
      everyMs: HOUR_MS,
      async run() {
        const found = await trust.revokeUnrecorded()
        if (found.length > 0) await deps.onUnrecorded(found)
      },
    },
    {
      name: 'trust-timestamp-signer',
      everyMs: 24 * HOUR_MS,
      async run() {
        if (await renewTimestampSigner(deps, facts)) await deps.publishAnchors()
      },
    },
  ]
}
