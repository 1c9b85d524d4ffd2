import { invitePersonRoute, listPeopleRoute, removePersonRoute } from '@countersign/protocol/api/people.ts'
import { type AdminOptions, callAdmin } from './callAdmin.ts'
import { printJson, printLine, printTable } from './print.ts'

/** `countersign-server people invite`: prints the link and code once; they cannot be shown again. */
export async function invite(email: string, options: AdminOptions): Promise<void> {
  const invitation = await callAdmin(options.data, invitePersonRoute, { body: { email } })
  if (options.json) return printJson(invitation)
  printLine(`Invitation for ${invitation.email}, valid once until ${invitation.expires}:`)
  printLine(`  open   ${invitation.link}`)
  printLine(`  code   ${invitation.code}`)
}

/** `countersign-server people list`. */
export async function list(options: AdminOptions): Promise<void> {
  const { people } = await callAdmin(options.data, listPeopleRoute, {})
  if (options.json) return printJson({ people })
  if (people.length === 0) printLine('Nobody yet. `countersign-server people invite <email>` invites the first person.')
  printTable(people.map((person) => [person.email, `since ${person.since}`]))
}

/** `countersign-server people remove`. */
export async function remove(email: string, options: AdminOptions): Promise<void> {
  const removed = await callAdmin(options.data, removePersonRoute, { body: { email } })
  if (options.json) return printJson(removed)
  printLine(`${removed.email} can no longer sign in; every session has ended. What was signed stays signed.`)
}
