import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'the signature of an identity token is not verified',
  file: 'packages/server/src/account/identities/verifyIdentityToken.ts',
  before: 'if (!hasTokenSignature(jwt, token.algorithm, key)) {',
  after: "if (jwt === '') {",
  caughtBy: {
    file: 'packages/server/src/account/identities/verifyIdentityToken.test.ts',
    title: 'refuses a stranger’s signature with account.token-signature',
  },
}
