import type { AccountTables } from '../accountTables.ts'
import type { AuditIntent } from '../audit/auditStore.ts'
import type { AuditTrail } from '../audit/auditTrail.ts'
import { accountError } from '../errors.ts'
import { ensurePerson, type KnownPerson } from '../identities/personDirectory.ts'
import { openSession, type SessionDeps } from '../sessions/browserSession.ts'
import { isCode, MAX_FAILURES } from './invitePerson.ts'

interface Redeemed {
  readonly person: KnownPerson
  readonly token: string
  readonly intent: AuditIntent
}

/**
 * Redeems an invitation: ends it, makes the person on the first time, and opens a browser session, in one transaction.
 * The session's cookie value is returned once the redemption is in the audit log.
 * A wrong code is counted; after ten the invitation is dead. Throws `account.invitation-wrong`, the same for unknown, used, expired
 * and wrong, so that nobody learns which addresses were invited.
 */
export async function redeemInvitation(
  deps: SessionDeps & { readonly audit: AuditTrail },
  id: string,
  code: string,
): Promise<{ person: KnownPerson; token: string }> {
  const redeemed = await deps.database.transaction<AccountTables, Redeemed | undefined>(
    'account.redemption',
    async (trx) => {
      const now = deps.clock.now()
      const invitations = trx.selectFrom('account_invitations').selectAll().where('id', '=', id)
      const invitation = await invitations.where('expires_ms', '>', now.getTime()).executeTakeFirst()
      if (!invitation || invitation.failures >= MAX_FAILURES) return undefined
      if (!isCode(id, code, invitation.code_hash)) {
        // Committed, not thrown: a failure that is rolled back would not count.
        const failures = invitation.failures + 1
        await trx.updateTable('account_invitations').set({ failures }).where('id', '=', id).execute()
        return undefined
      }
      await trx.deleteFrom('account_invitations').where('id', '=', id).execute()
      const person = await ensurePerson(trx, invitation.email, now)
      const actor = { sub: person.sub, email: person.email }
      const intent = await deps.audit.intend(trx, { kind: 'invitation.redeemed', actor, detail: { invitation: id } })
      return { person, token: await openSession(trx, person.sub, now), intent }
    },
  )
  if (!redeemed) {
    throw accountError('account.invitation-wrong', 'the invitation is unknown, used or expired, or the code is wrong')
  }
  const { person, token, intent } = redeemed
  deps.people.loaded(person)
  await deps.audit.settle(intent)
  return { person, token }
}
