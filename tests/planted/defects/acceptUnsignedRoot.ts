import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a stored root counts that the root before it did not sign',
  file: 'packages/local/src/anchors/verifyRepository.ts',
  before: `    verifyRole(trusted, next)
`,
  after: '',
  caughtBy: {
    file: 'packages/local/src/anchors/anchors.test.ts',
    title: 'anchors.tampered: a root that the root before it did not sign, in what is stored',
  },
}
