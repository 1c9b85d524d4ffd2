import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'who signed is compared without the issuer that vouched for it',
  file: 'packages/protocol/src/policy/identityPattern.ts',
  before: `  if (pattern.issuer !== identity.issuer) return false
`,
  after: '',
  caughtBy: {
    file: 'packages/protocol/src/decide/decideToRun.test.ts',
    title: 'no: a foreign issuer',
  },
}
