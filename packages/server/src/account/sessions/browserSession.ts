import { hash, randomBytes } from 'node:crypto'
import type { Clock } from '@countersign/local/clock/clock.ts'
import type { Database } from '@countersign/platform/database/database.ts'
import type { Transaction } from 'kysely'
import type { AccountTables } from '../accountTables.ts'
import type { KnownPerson, PersonDirectory } from '../identities/personDirectory.ts'

/** How long a browser stays signed in after an invitation was redeemed in it. */
export const SESSION_SECONDS = 30 * 24 * 60 * 60

/** What sessions stand on. */
export interface SessionDeps {
  readonly database: Database
  readonly clock: Clock
  readonly people: PersonDirectory
}

/** Opens a session in the caller's transaction. Returns the cookie's value, which is stored hashed and nowhere else. */
export async function openSession(trx: Transaction<AccountTables>, sub: string, now: Date): Promise<string> {
  const token = randomBytes(32).toString('base64url')
  const values = { token_hash: hashOf(token), sub, expires_ms: now.getTime() + SESSION_SECONDS * 1000 }
  await trx.insertInto('account_browser_sessions').values(values).execute()
  return token
}

/** The person whose session a cookie's value opens; undefined once it is over or the person was removed. */
export async function findSession(deps: SessionDeps, token: string | undefined): Promise<KnownPerson | undefined> {
  if (token === undefined || token.length !== 43) return undefined
  const row = await deps.database
    .tables<AccountTables>()
    .selectFrom('account_browser_sessions')
    .select('sub')
    .where('token_hash', '=', hashOf(token))
    .where('expires_ms', '>', deps.clock.now().getTime())
    .executeTakeFirst()
  return row && deps.people.find(row.sub)
}

/** Ends one session. */
export async function endSession(deps: SessionDeps, token: string): Promise<void> {
  await deps.database.commitTogether<AccountTables, void>('account.session-ended', async (trx) => {
    await trx.deleteFrom('account_browser_sessions').where('token_hash', '=', hashOf(token)).execute()
  })
}

function hashOf(token: string): Uint8Array {
  return new Uint8Array(hash('sha256', token, 'buffer'))
}
