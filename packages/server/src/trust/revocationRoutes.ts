import type { HttpServer } from '@countersign/platform/http/server.ts'
import { putRevokerKeyRoute } from '@countersign/protocol/api/certifications.ts'
import {
  addApproverRoute,
  addRevocationRoute,
  approveRevocationRoute,
  feedEventsRoute,
  listRevocationRequestsRoute,
  requestRevocationRoute,
} from '@countersign/protocol/api/revocations.ts'
import type { ListenerName } from '@countersign/protocol/api/route.ts'
import type { Identity } from '../account/identities/identity.ts'
import { addApprover } from './anchors/addApprover.ts'
import type { ChangePolicyDeps } from './anchors/changePolicy.ts'
import { putRevokerKey } from './anchors/putRevokerKey.ts'
import { bearerToken } from './authority/bearerToken.ts'
import { trustError } from './errors.ts'
import type { TrustFacts } from './facts.ts'
import { addRevocation } from './revocation/addRevocation.ts'
import { approveRevocation } from './revocation/approveRevocation.ts'
import type { Revocations } from './revocation/openRevocations.ts'
import { requestRevocation } from './revocation/requestRevocation.ts'
import { listRequests } from './revocation/requestStore.ts'
import type { ValidatorOf } from './routes.ts'
import type { TrustTables } from './trustTables.ts'

/** What the routes about revocation stand on. */
export interface RevocationRoutesDeps {
  readonly facts: TrustFacts
  readonly revocations: Revocations
  readonly policies: ChangePolicyDeps
  /** Proves who a token speaks for; throws `account.token-*`. */
  verifyToken(token: string): Promise<Identity>
  readonly validatorOf: ValidatorOf
}

/** Whoever can open the local admin socket. */
const OPERATOR = 'operator'
const MAX_LISTED = 1000
const EVENT_STREAM = { 'cache-control': 'no-store', 'x-accel-buffering': 'no' }

/** Mounts what ends trust and what tells of it. */
export function mountRevocations(
  { https, http, admin }: Readonly<Record<ListenerName, HttpServer>>,
  deps: RevocationRoutesDeps,
): void {
  mountRequests(https, deps)
  mountEvents(https, deps)
  mountEvents(http, deps)
  mountAdmin(admin, deps)
}

function mountRequests(server: HttpServer, deps: RevocationRoutesDeps): void {
  const { revocations, policies, verifyToken, validatorOf } = deps
  server.mount(putRevokerKeyRoute, async (request) => {
    const { name } = await validatorOf(request)
    return putRevokerKey(policies, revocations.authority, name, request.body.publicKey)
  })
  server.mount(addRevocationRoute, async (request) => {
    const { name } = await validatorOf(request)
    const { record, ...added } = await addRevocation(revocations, name, request.body)
    return { ...added, record: record.toString() }
  })
  const bearer = async (authorization: string | undefined): Promise<string> => {
    const token = bearerToken(authorization)
    if (token === undefined) throw trustError('trust.token-missing', 'the request carries no identity token')
    return (await verifyToken(token)).san.value
  }
  server.mount(requestRevocationRoute, async ({ body, headers }) =>
    requestRevocation(revocations, await bearer(headers.authorization), body),
  )
  server.mount(listRevocationRequestsRoute, async ({ query, headers }) => {
    await bearer(headers.authorization)
    return listed(revocations, query.all)
  })
  server.mount(approveRevocationRoute, async ({ params, body, headers }) =>
    approveRevocation(revocations, await bearer(headers.authorization), params.id, body),
  )
}

/** Only the server's own user reaches this socket. */
function mountAdmin(server: HttpServer, { revocations, policies }: RevocationRoutesDeps): void {
  server.mount(addApproverRoute, ({ body }) => addApprover(policies, OPERATOR, body))
  server.mount(listRevocationRequestsRoute, ({ query }) => listed(revocations, query.all))
}

async function listed({ database }: Revocations, all: 'true' | 'false') {
  return { requests: await listRequests(database.tables<TrustTables>(), { all: all === 'true', limit: MAX_LISTED }) }
}

function mountEvents(server: HttpServer, { facts, revocations }: RevocationRoutesDeps): void {
  server.mount(feedEventsRoute, async ({ params, headers, signal }) => {
    if (params.environment !== facts.environment) {
      throw trustError('trust.not-found', `this instance has no ${params.environment} environment`)
    }
    const stream = revocations.push.follow(signal, lastEventId(headers['last-event-id']))
    return { stream, mediaType: 'text/event-stream', headers: EVENT_STREAM }
  })
}

/** The size that the caller knew; one that is no number is none. */
function lastEventId(header: string | string[] | undefined): bigint | undefined {
  return typeof header === 'string' && /^\d{1,19}$/.test(header) ? BigInt(header) : undefined
}
