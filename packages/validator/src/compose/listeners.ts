import type { ListenAddress } from '@countersign/platform/http/listen.ts'
import { createHttpServer, type HttpServer } from '@countersign/platform/http/server.ts'
import type { Logger } from '@countersign/platform/telemetry/logger.ts'
import type { Verdict } from '@countersign/protocol/api/artifacts.ts'
import type { CertificationDecision } from '@countersign/protocol/decide/decideToCertify.ts'
import type { ImportReport } from '../advisories/openAdvisories.ts'
import type { StoredSubmission } from '../certify/certifyStore.ts'
import { decideAsked } from '../certify/decideAsked.ts'
import type { OperatorDecision } from '../certify/operatorDecision.ts'
import { mountWebhook } from '../watch/webhook.ts'
import {
  decideSubmissionRoute,
  getCertificationPolicyRoute,
  importAdvisoriesRoute,
  listHeldRoute,
  listSubmissionsRoute,
  localStatusRoute,
  setCertificationPolicyRoute,
  settleHeldRoute,
  syncAdvisoriesRoute,
} from './adminRoutes.ts'
import type { Validator } from './openValidator.ts'
import { readLocalStatus, type StatusDeps } from './readStatus.ts'
import { validatorErrors } from './validatorErrors.ts'

/** What the sockets need. */
export interface ListenerDeps {
  readonly logger: Logger
  readonly status: StatusDeps
  /** Told when an invariant failed. */
  broken(error: unknown): void
}

/** Where advisories are taken, and the secret that authenticates them. */
export interface Webhook {
  readonly listen: ListenAddress
  readonly secret: Uint8Array
}

/** Makes the admin socket with every local operation. It does not listen yet. */
export function createAdmin(validator: Validator, deps: ListenerDeps): HttpServer {
  const { logger, broken } = deps
  const server = createHttpServer({ name: 'admin', logger, errors: validatorErrors, onBroken: broken })
  const { advisories, store } = validator
  server.mount(localStatusRoute, () => readLocalStatus(deps.status))
  server.mount(importAdvisoriesRoute, ({ body }) => importFrom(validator, body))
  server.mount(syncAdvisoriesRoute, async () => ({ reports: (await advisories.sync()).map(reportOf) }))
  server.mount(listHeldRoute, async () => ({ held: [...advisories.held()] }))
  server.mount(settleHeldRoute, async ({ params, body }) => {
    await (body.do === 'release' ? advisories.release(params.id) : advisories.discard(params.id))
    return { state: advisories.state().state }
  })
  server.mount(getCertificationPolicyRoute, async () => {
    const { text, sha256 } = validator.policy()
    return { policy: text, sha256 }
  })
  server.mount(setCertificationPolicyRoute, async ({ body }) => {
    const { sha256 } = await validator.setPolicy(body.policy)
    return { sha256 }
  })
  server.mount(listSubmissionsRoute, async ({ query }) => {
    const rows = await store.submissions(query.limit)
    return { submissions: await Promise.all(rows.map((row) => describe(validator, row))) }
  })
  server.mount(decideSubmissionRoute, async ({ params, body }) => {
    const row = await decideAsked(validator.certifying, params.id, body)
    const { verdict, decision } = judgementOf(row)
    const { answer = '', reasons = [] } = decision ?? {}
    return { stage: row.stage, decision: answer, reasons: [...reasons], state: verdict?.advisories.state ?? 0 }
  })
  return server
}

/** Makes the socket of the webhook. It does not listen yet. */
export function createWebhook(validator: Validator, { secret }: Webhook, { logger, broken }: ListenerDeps): HttpServer {
  const server = createHttpServer({ name: 'http', logger, errors: validatorErrors, onBroken: broken })
  mountWebhook(server, { secret, ...validator.watch })
  return server
}

/** How long an import waits for what it ends to be logged. */
const FOLLOWED_WITHIN_MS = 30_000

async function importFrom(
  { advisories, watch }: Validator,
  { source, allowPlainHttp }: { readonly source: string; readonly allowPlainHttp: boolean },
) {
  const receivedAt = watch.clock.now().toISOString()
  const arrivedMs = watch.clock.monotonicMs()
  const report = reportOf(await advisories.importFrom(source, { allowPlainHttp }))
  watch.followed.arrived(report.state, arrivedMs)
  const isChanged = report.changed > 0 && report.held === undefined
  const followed = isChanged
    ? await watch.followed.until(report.state, AbortSignal.timeout(FOLLOWED_WITHIN_MS))
    : { ended: [], waiting: [] }
  if (followed === undefined) return { ...report, receivedAt }
  const { ended, waiting } = followed
  return { ...report, receivedAt, ended: [...ended], ...(waiting.length > 0 && { waiting: [...waiting] }) }
}

/** Of many unreadable records the first are enough to see what is wrong. */
const MAX_REFUSED = 1000

function reportOf(report: ImportReport) {
  return { ...report, refused: report.refused.slice(0, MAX_REFUSED) }
}

function judgementOf({ verdict, decision }: StoredSubmission) {
  return {
    verdict: verdict === null ? undefined : (JSON.parse(verdict) as Verdict),
    decision: decision === null ? undefined : (JSON.parse(decision) as CertificationDecision),
  }
}

async function describe({ store }: Validator, row: StoredSubmission) {
  const { id, sha256, name, product, version, stage, submitted_at: submittedAt } = row
  const { verdict, decision } = judgementOf(row)
  const operator = row.operator === null ? undefined : (JSON.parse(row.operator) as OperatorDecision)
  const failure = row.failure === null ? undefined : (JSON.parse(row.failure) as { code: string; message: string })
  const number = (await store.certificationOf(id))?.number
  return {
    id,
    sha256,
    name,
    ...(product !== null && { product }),
    ...(version !== null && { version }),
    stage,
    ...(verdict !== undefined && { verdict: verdict.answer }),
    ...(decision !== undefined && { decision: decision.answer }),
    reasons: failure === undefined ? [...(decision?.reasons ?? [])] : [`${failure.message} (${failure.code})`],
    ...(number && { number }),
    ...(operator && { operator: { does: operator.does, by: operator.by, why: operator.why, at: operator.at } }),
    submittedAt,
  }
}
