import { callInstance } from '../../support/callInstance.ts'
import { PageVisitor } from '../../support/pageVisitor.ts'
import { type InvitationLink, redeemInvitation } from '../../support/people.ts'
import type { BadInput, Outcome } from './badInput.ts'
import { serverOutcome } from './commands.ts'
import type { Setting } from './setting.ts'

const NO_DIFFERENCE = 'strangers must not learn which invitations exist; the advice is the same'

/** Invitations, forms and names of people that must not be taken. */
export async function peopleRows({ production, development }: Setting): Promise<BadInput[]> {
  const { instance, ca, publicUrl } = production
  const invite = (email: string) => instance.admin<InvitationLink>('people', 'invite', email)
  const [used, open] = [await invite('bob@example.org'), await invite('carol@example.org')]
  await redeemInvitation(new PageVisitor(ca), used)
  const page = (input: string, expectedCode: string, expectedExit: number, run: () => Promise<Outcome>): BadInput => ({
    ...{ input, expectedCode, expectedExit, recorded: 'counted', run },
  })
  const invitation = (input: string, offered: InvitationLink, trusted = ca): BadInput => ({
    ...page(input, 'account.invitation-wrong', 403, () => redeem(offered, trusted)),
    sharesCodeBecause: NO_DIFFERENCE,
  })
  const command = (input: string, expectedCode: string, expectedExit: number, ...words: string[]): BadInput => ({
    ...{ input, expectedCode, expectedExit, recorded: 'entry' },
    run: () => serverOutcome(...words, '--data', instance.dataFolder),
  })
  return [
    invitation('invitation, used a second time', used),
    invitation('invitation, wrong code', { ...open, code: used.code }),
    invitation('invitation, expired', development.expiredInvitation, development.ca),
    invitation('invitation that nobody made', { ...open, link: `${publicUrl}/people/invitations/${'0'.repeat(32)}` }),
    page('form from another site', 'account.form-invalid', 400, () => sendForeignForm(open, ca)),
    command('invitation for what is no e-mail address', 'account.email-invalid', 1, 'people', 'invite', 'bob@'),
    command('removal of somebody unknown', 'account.person-unknown', 1, 'people', 'remove', 'nobody@example.org'),
    command('scheduled work that does not exist', 'jobs.unknown', 1, 'jobs', 'run', 'nothing'),
  ]
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
