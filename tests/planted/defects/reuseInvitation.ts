import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'an invitation can be redeemed twice',
  file: 'packages/server/src/account/people/redeemInvitation.ts',
  before: `    await trx.deleteFrom('account_invitations').where('id', '=', id).execute()
`,
  after: '',
  caughtBy: {
    file: 'packages/server/src/account/people/peoplePages.test.ts',
    title: 'an invitation is used once, within its hour, with its own code, and only by its own form',
  },
}
