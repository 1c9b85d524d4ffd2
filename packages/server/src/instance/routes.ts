import { openApi } from '@countersign/platform/http/openApi.ts'
import type { HttpServer } from '@countersign/platform/http/server.ts'
import type { Jobs } from '@countersign/platform/jobs/jobs.ts'
import {
  announceRootUseRoute,
  controlJobsRoute,
  createTicketRoute,
  getPolicyRoute,
  getStatusRoute,
  healthRoute,
  instanceRoutes,
  openApiRoute,
  setPolicyRoute,
  statusPageRoute,
} from '@countersign/protocol/api/admin.ts'
import { anchorRoutes } from '@countersign/protocol/api/anchors.ts'
import { artifactRoutes } from '@countersign/protocol/api/artifacts.ts'
import { authorityRoutes } from '@countersign/protocol/api/authority.ts'
import { certificationRoutes } from '@countersign/protocol/api/certifications.ts'
import { deviceRoutes } from '@countersign/protocol/api/devices.ts'
import { logRoutes } from '@countersign/protocol/api/logs.ts'
import { revocationRoutes } from '@countersign/protocol/api/revocations.ts'
import type { Route } from '@countersign/protocol/api/route.ts'
import { timestampRoutes } from '@countersign/protocol/api/timestamps.ts'
import type { AuditTrail } from '../account/audit/auditTrail.ts'
import { pageHeaders } from '../account/htmlPage.ts'
import { createTicket, type TicketDeps } from './createTicket.ts'
import { readStatus, type StatusDeps } from './readStatus.ts'
import { type PolicyDeps, readPolicy, setPolicy } from './setPolicy.ts'
import { statusPage } from './statusPage.ts'

/** What the routes of the instance itself stand on. */
export interface InstanceRoutesDeps {
  readonly status: StatusDeps
  readonly tickets: TicketDeps
  readonly policy: PolicyDeps
  readonly jobs: Jobs
  readonly audit: AuditTrail
}

/** Whoever can open the local admin socket. */
const OPERATOR = 'operator'

/** Mounts status, page, description, tickets, policy and jobs. Each listener takes the routes that name it. */
export function mountInstanceRoutes(server: HttpServer, deps: InstanceRoutesDeps): void {
  const { status, tickets, policy, jobs, audit } = deps
  server.mount(healthRoute, async () => ({ status: 'ok' as const }))
  server.mount(getStatusRoute, () => readStatus(status))
  server.mount(statusPageRoute, async () => {
    const page = statusPage(await readStatus(status))
    return { bytes: Buffer.from(page), mediaType: 'text/html; charset=utf-8', headers: pageHeaders() }
  })
  const description = Buffer.from(JSON.stringify(describeApi(status.facts.publicUrl, status.version)))
  server.mount(openApiRoute, async () => ({ bytes: description, mediaType: 'application/json' }))
  server.mount(createTicketRoute, ({ body }) => createTicket(tickets, OPERATOR, body.validityHours))
  server.mount(getPolicyRoute, async () => ({ policy: await readPolicy(policy) }))
  server.mount(setPolicyRoute, ({ body }) => setPolicy(policy, OPERATOR, body.policy))
  server.mount(controlJobsRoute, async ({ body }) => {
    if (body.do === 'pause') await jobs.pause()
    else if (body.do === 'resume') jobs.resume()
    else await jobs.runNow(body.job)
    const { jobs: list, scheduledWorkPaused } = await readStatus(status)
    return { jobs: list, paused: scheduledWorkPaused }
  })
  server.mount(announceRootUseRoute, async ({ body }) => {
    const { index } = await audit.record({ kind: 'root.announced', actor: OPERATOR, detail: { purpose: body.purpose } })
    return { auditIndex: index.toString() }
  })
}

function describeApi(url: string, version: string) {
  const all: readonly Route[] = [
    ...instanceRoutes,
    ...authorityRoutes,
    ...timestampRoutes,
    ...logRoutes,
    ...anchorRoutes,
    ...artifactRoutes,
    ...certificationRoutes,
    ...revocationRoutes,
    ...deviceRoutes,
  ]
  return openApi(
    all.filter(({ listeners }) => listeners.includes('https')),
    { title: 'Countersign', version, serverUrl: url },
  )
}
