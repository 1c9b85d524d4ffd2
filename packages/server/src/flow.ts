import type { Job } from '@countersign/platform/jobs/jobs.ts'
import type { Outbox } from '@countersign/platform/outbox/outbox.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import type { AuditTrail } from './account/audit/auditTrail.ts'
import type { TransparencyLog } from './log/transparencyLog.ts'
import type { Anchors } from './trust/anchors/openAnchors.ts'
import { REVOCATION_LOGGED } from './trust/revocation/logRevocation.ts'
import { CERTIFICATES_REVOKED } from './trust/revocation/revokeCertificate.ts'
import type { TimeFloor } from './trust/timestamping/timeFloor.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** What events and scheduled work move: everything that happens without a request is on this page. */
export interface FlowDeps {
  readonly logs: readonly TransparencyLog[]
  readonly audit: AuditTrail
  readonly anchors: Anchors
  readonly floor: TimeFloor
  /** Deletes expired sessions, invitations and codes. */
  sweepAccounts(): Promise<void>
  /** Revokes certificates that are logged and that nobody here intended. */
  compareCertificateLog(): Promise<void>
  /** Publishes the revocation lists that are due or changed. */
  publishCrls(): Promise<void>
  /** Logs revocations again that a failure cut off. */
  finishRevocations(): Promise<unknown>
  /** Puts superseded client certificates on their revocation lists. */
  tidyFleet(): Promise<void>
  /** Removes artifacts that were uploaded more than a day ago and never submitted. */
  removeUnsubmitted(signal: AbortSignal): Promise<void>
  /** Makes the next signer of timestamps when it is due. */
  renewTimestampSigner(): Promise<void>
  /** Replaces the TLS certificate when it is due. */
  renewTls(): Promise<void>
}

/** What runs by the clock. */
export function scheduledWork(deps: FlowDeps): Job[] {
  return [
    // Devices take a log's silence for withholding, so it speaks even when nothing is logged.
    { name: 'heartbeat', everyMs: 15 * SECOND_MS, run: () => each(deps.logs, (log) => log.heartbeat()) },
    { name: 'timestamp-floor', everyMs: MINUTE_MS, run: () => deps.floor.save() },
    { name: 'audit-counts', everyMs: 5 * MINUTE_MS, run: () => deps.audit.flush() },
    {
      name: 'partial-tiles',
      everyMs: 10 * MINUTE_MS,
      run: (signal) => each(deps.logs, (log) => log.collectPartials(signal)),
    },
    { name: 'anchors', everyMs: HOUR_MS, run: () => deps.anchors.renew() },
    { name: 'revocation-lists', everyMs: MINUTE_MS, run: () => deps.publishCrls() },
    { name: 'revocations', everyMs: MINUTE_MS, run: async () => void (await deps.finishRevocations()) },
    { name: 'client-certificates', everyMs: MINUTE_MS, run: () => deps.tidyFleet() },
    { name: 'certificate-log-comparison', everyMs: HOUR_MS, run: () => deps.compareCertificateLog() },
    { name: 'account-sweep', everyMs: HOUR_MS, run: () => deps.sweepAccounts() },
    { name: 'unsubmitted-artifacts', everyMs: HOUR_MS, run: (signal) => deps.removeUnsubmitted(signal) },
    { name: 'timestamp-signer', everyMs: HOUR_MS, run: () => deps.renewTimestampSigner() },
    { name: 'tls-certificate', everyMs: HOUR_MS, run: () => deps.renewTls() },
  ]
}

/** What each event sets off, at least once. */
export function handleEvents(outbox: Outbox, { audit, publishCrls }: Pick<FlowDeps, 'audit' | 'publishCrls'>): void {
  outbox.on(CERTIFICATES_REVOKED, () => publishCrls())
  outbox.on(REVOCATION_LOGGED, async ({ payload }) => {
    // Those who follow have it from the log already; the trail says when this instance acted on it.
    await audit.record({ kind: 'revocation.logged', actor: 'server', detail: withoutNumbers(payload) })
  })
}

/** The numbers stand in the log; tens of thousands of them would only bury the entry. */
function withoutNumbers(payload: JsonValue): JsonValue {
  const { numbers, ...detail } = payload as { readonly [name: string]: JsonValue }
  return Array.isArray(numbers) ? { ...detail, certifications: numbers.length } : detail
}

async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (const item of items) await work(item)
}
