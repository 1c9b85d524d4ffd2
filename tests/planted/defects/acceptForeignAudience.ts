import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a token for another service is good here',
  file: 'packages/server/src/account/identities/verifyIdentityToken.ts',
  before: 'if (!named.includes(audience)) {',
  after: 'if (named.length === 0) {',
  caughtBy: {
    file: 'packages/server/src/account/identities/verifyIdentityToken.test.ts',
    title: 'refuses another audience with account.token-audience',
  },
}
