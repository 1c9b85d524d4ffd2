import { callInstance } from '../../support/callInstance.ts'
import { PageVisitor } from '../../support/pageVisitor.ts'
import { deviceToken, type InvitationLink, redeemInvitation } from '../../support/people.ts'
import { type BadInput, type Outcome, rowMaker } from './badInput.ts'
import { postJson, serverOutcome } from './commands.ts'
import type { Setting } from './setting.ts'
import { certificateRequest } from './signing.ts'

/** Invitations, forms and names of people that must not be taken. */
export async function peopleRows({ production, development }: Setting): Promise<BadInput[]> {
  const { instance, ca, publicUrl } = production
  const invite = (email: string) => instance.admin<InvitationLink>('people', 'invite', email)
  const [used, open] = [await invite('bob@example.org'), await invite('carol@example.org')]
  await redeemInvitation(new PageVisitor(ca), used)
  const { expiredInvitation } = development
  const removed = await removedPerson(production)
  const unknown = `${publicUrl}/people/invitations/${'0'.repeat(32)}`

  const invitation = rowMaker('counted', (offered: InvitationLink, trusted: string) => redeem(offered, trusted))
  const foreignForm = rowMaker('counted', () => sendForeignForm(open, ca))
  const token = rowMaker('entry', () => postJson(`${publicUrl}/api/v2/signingCert`, ca, removed))
  const command = rowMaker('entry', (...words: string[]) => serverOutcome(...words, '--data', instance.dataFolder))
  return [
    invitation('invitation, used a second time', 'account.invitation-wrong', 403, used, ca),
    invitation('invitation, wrong code', 'account.invitation-wrong', 403, { ...open, code: used.code }, ca),
    invitation('invitation, expired', 'account.invitation-wrong', 403, expiredInvitation, development.ca),
    invitation('invitation that nobody made', 'account.invitation-wrong', 403, { ...open, link: unknown }, ca),
    foreignForm('form from another site', 'account.form-invalid', 400),
    token('identity token of a person who was removed', 'account.token-person-removed', 403),
    command('invitation for what is no e-mail address', 'account.email-invalid', 1, 'people', 'invite', 'bob@'),
    command('removal of somebody unknown', 'account.person-unknown', 1, 'people', 'remove', 'nobody@example.org'),
  ]
}

/** A request for a certificate, sound but for the person who was removed after the token was made. */
async function removedPerson({ instance, ca, publicUrl }: Setting['production']) {
  const email = 'dave@example.org'
  const browser = new PageVisitor(ca)
  await redeemInvitation(browser, await instance.admin<InvitationLink>('people', 'invite', email))
  const { id_token: token } = await deviceToken(`${publicUrl}/oidc`, browser, ca)
  await instance.admin('people', 'remove', email)
  return certificateRequest(token, email)
}

async function redeem({ link, code }: InvitationLink, ca: string): Promise<Outcome> {
  const browser = new PageVisitor(ca)
  return readPage(await browser.submit(await browser.open(link), { code }))
}

/** Without the secret of the page, as another site would send it. */
async function sendForeignForm({ link, code }: InvitationLink, ca: string): Promise<Outcome> {
  const { status, bytes } = await callInstance(link, { ca, form: { code } })
  return readPage({ status, text: bytes.toString('utf8') })
}

function readPage({ status, text }: { status: number; text: string }): Outcome {
  return { code: /<code>([a-z.-]+)<\/code>/.exec(text)?.[1] ?? 'none', exitCode: status }
}
