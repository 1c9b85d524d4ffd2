import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'an approver may end what the policy did not put into his scope',
  file: 'packages/protocol/src/decide/authoriseRevocation.ts',
  before: 'key.validator === undefined && key.scopes.includes(record.scope)',
  after: "key.validator === undefined && !key.scopes.includes('' as never)",
  caughtBy: {
    file: 'packages/protocol/src/decide/authoriseRevocation.test.ts',
    title: 'revocation.scope-not-allowed: an approver without this scope',
  },
}
