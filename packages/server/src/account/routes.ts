import type { HttpServer } from '@countersign/platform/http/server.ts'
import {
  addIssuerRoute,
  invitePersonRoute,
  listAuditRoute,
  listIssuersRoute,
  listPeopleRoute,
  removeIssuerRoute,
  removePersonRoute,
} from '@countersign/protocol/api/people.ts'
import type { Account } from './openAccount.ts'
import { invitePerson } from './people/invitePerson.ts'
import { removePerson } from './people/removePerson.ts'

/** Whoever can open the local admin socket: the operating system lets only the server's own user, and nobody more is known. */
const OPERATOR = 'operator'

/** Mounts the routes about people, issuers and the audit trail. Each listener takes the ones that name it. */
export function mountAccountRoutes(server: HttpServer, account: Account): void {
  const { people, issuers } = account
  server.mount(invitePersonRoute, ({ body }) => invitePerson(people, OPERATOR, body.email))
  server.mount(listPeopleRoute, async () => ({
    people: people.people.list().map(({ sub, email, since }) => ({ sub, email, since: since.toISOString() })),
  }))
  server.mount(removePersonRoute, ({ body }) => removePerson(people, OPERATOR, body.email))
  server.mount(listIssuersRoute, async () => ({ issuers: issuers.list() }))
  server.mount(addIssuerRoute, ({ body }) => issuers.add(OPERATOR, body))
  server.mount(removeIssuerRoute, ({ body }) => issuers.remove(OPERATOR, body.url))
  server.mount(listAuditRoute, ({ query }) =>
    people.audit.read({
      kind: query.kind,
      from: query.from === undefined ? undefined : new Date(query.from),
      until: query.until === undefined ? undefined : new Date(query.until),
      before: query.before === undefined ? undefined : Number(query.before),
      limit: query.limit,
    }),
  )
}

/** Mounts the pages for people and the OpenID Connect issuer; only where TLS is, because cookies and tokens pass here. */
export function mountAccountPages(server: HttpServer, account: Account): void {
  server.mountRaw('/oidc', account.issuerPages)
  server.mountRaw('/people', account.peoplePages)
}
