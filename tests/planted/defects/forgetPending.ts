import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'the components of a certification that is being made are not watched',
  file: 'packages/validator/src/certify/intend.ts',
  before: `      deps.index.add(id, judged.catalogue)
`,
  after: '',
  caughtBy: {
    file: 'packages/validator/src/watch/heldSteps.test.ts',
    title: 'an advisory after log 3: no active certification, every number revoked',
  },
}
