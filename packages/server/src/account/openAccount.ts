import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { KeyStore } from '@countersign/platform/keystore/keyStore.ts'
import type { AccountTables } from './accountTables.ts'
import type { AuditTrail } from './audit/auditTrail.ts'
import { createIssuer, type NodeHandler } from './identities/embeddedIssuer.ts'
import type { Fetch } from './identities/fetchJson.ts'
import type { Identity } from './identities/identity.ts'
import { IssuerList } from './identities/issuerList.ts'
import { PersonDirectory } from './identities/personDirectory.ts'
import { sweepProviderRecords } from './identities/sweepProviderRecords.ts'
import { verifyIdentityToken } from './identities/verifyIdentityToken.ts'
import type { PeopleDeps } from './people/invitePerson.ts'
import { peoplePages } from './people/peoplePages.ts'
import { findSession } from './sessions/browserSession.ts'
import { pageCookies, readCookie } from './sessions/cookies.ts'

/** What people, issuers and pages stand on. */
export interface AccountDeps {
  readonly database: Database
  readonly keys: KeyStore
  readonly clock: Clock
  readonly audit: AuditTrail
  /** `https://host[:port]`. */
  readonly publicUrl: string
  /** Told what went wrong inside the pages, for the log. */
  failed(error: unknown): void
  /** How outside issuers are reached; defaults to the runtime's. */
  readonly fetch?: Fetch | undefined
}

/** People, issuers and their pages, ready to be mounted. */
export interface Account {
  /** For the operations on people (`invitePerson`, `removePerson`). */
  readonly people: PeopleDeps & { readonly people: PersonDirectory }
  readonly issuers: IssuerList
  /** Serves everything under `/oidc`. */
  readonly issuerPages: NodeHandler
  /** Serves everything under `/people`. */
  readonly peoplePages: NodeHandler
  /** See `verifyIdentityToken`. */
  verifyToken(jwt: string): Promise<Identity>
  /** Deletes expired sessions, invitations and provider records. Safe to repeat; hourly is enough. */
  sweep(): Promise<void>
}

/** Puts the account folder together. Its tables must have been migrated. */
export async function openAccount(deps: AccountDeps): Promise<Account> {
  const { database, keys, clock, audit, publicUrl } = deps
  const people = await PersonDirectory.open(database)
  const sessions = { database, clock, people }
  const cookies = pageCookies(publicUrl)
  const issuer = await createIssuer({
    publicUrl,
    database,
    keys,
    clock,
    findPerson: (sub) => people.find(sub),
    signedIn: (header) => findSession(sessions, readCookie(header, cookies.session)),
    async signInEnded(sub, reason) {
      const actor = { sub, email: people.find(sub)?.email ?? '' }
      await audit.record({ kind: 'login.ended', actor, detail: { reason } })
    },
    watchKey: (key) => audit.watchKey(key),
    failed: (error) => deps.failed(error),
  })
  const issuers = await IssuerList.open({
    database,
    clock,
    audit,
    publicUrl,
    embedded: issuer.tokens,
    fetch: deps.fetch,
  })
  return {
    people: { database, clock, audit, publicUrl, people },
    issuers,
    issuerPages: issuer.handler,
    peoplePages: peoplePages({ ...sessions, publicUrl, audit, issuer, failed: (error) => deps.failed(error) }),
    verifyToken: (jwt) => verifyIdentityToken({ clock, issuers }, jwt),
    sweep: () => sweep(database, clock),
  }
}

async function sweep(database: Database, clock: Clock): Promise<void> {
  await database.commitTogether<AccountTables, void>('account.sweep', async (trx) => {
    const now = clock.now()
    await trx.deleteFrom('account_browser_sessions').where('expires_ms', '<=', now.getTime()).execute()
    await trx.deleteFrom('account_invitations').where('expires_ms', '<=', now.getTime()).execute()
    await sweepProviderRecords(trx, now)
  })
}
