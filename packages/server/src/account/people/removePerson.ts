import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import type { Transaction } from 'kysely'
import type { AccountTables } from '../accountTables.ts'
import type { AuditIntent } from '../audit/auditStore.ts'
import { accountError } from '../errors.ts'
import { readPersonAddress } from '../identities/emailAddress.ts'
import type { PersonDirectory } from '../identities/personDirectory.ts'
import type { PeopleDeps } from './invitePerson.ts'

/**
 * Removes a person: browser sessions, grants, refresh tokens, device codes under way and open invitations end in one transaction,
 * and identity tokens that still run are refused from then on. What the person signed stays signed; ending trust in it is a revocation.
 * Throws `account.email-invalid`; `account.person-unknown` where there was neither a person nor an invitation.
 */
export async function removePerson(
  deps: PeopleDeps & { readonly people: PersonDirectory },
  caller: JsonValue,
  address: string,
): Promise<{ email: string }> {
  const email = readPersonAddress(address)
  const removed = await deps.database.transaction<AccountTables, Removal>('account.removal', async (trx) => {
    const invitations = await trx.deleteFrom('account_invitations').where('email', '=', email).executeTakeFirst()
    const person = await trx.selectFrom('account_people').select('sub').where('email', '=', email).executeTakeFirst()
    if (!person && invitations.numDeletedRows === 0n) {
      throw accountError('account.person-unknown', `nobody with the address ${email} can sign in here`)
    }
    if (person) await deleteEverything(trx, person.sub)
    const detail = { email, ...(person ? { sub: person.sub } : {}) }
    return { sub: person?.sub, intent: await deps.audit.intend(trx, { kind: 'person.removed', actor: caller, detail }) }
  })
  if (removed.sub !== undefined) deps.people.forgotten(removed.sub)
  await deps.audit.settle(removed.intent)
  return { email }
}

interface Removal {
  readonly sub: string | undefined
  readonly intent: AuditIntent
}

async function deleteEverything(trx: Transaction<AccountTables>, sub: string): Promise<void> {
  await trx.deleteFrom('account_browser_sessions').where('sub', '=', sub).execute()
  await trx.deleteFrom('account_provider_records').where('account_id', '=', sub).execute()
  await trx.deleteFrom('account_people').where('sub', '=', sub).execute()
}
