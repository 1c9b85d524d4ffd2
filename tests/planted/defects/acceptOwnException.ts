import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'who submits may except himself from a finding',
  file: 'packages/protocol/src/decide/decideToCertify.ts',
  before: `      one.author !== submittedBy.subject &&
`,
  after: '',
  caughtBy: {
    file: 'packages/protocol/src/decide/decideToCertify.test.ts',
    title: 'refuse: an exception by the submitter alone',
  },
}
