import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a new TUF root need not be signed by the one before it',
  file: 'packages/local/src/anchors/verifyRepository.ts',
  before: '    verifyRole(trusted, next)\n',
  after: '',
  caughtBy: {
    file: 'packages/local/src/anchors/anchors.test.ts',
    title: 'anchors.tampered: every stored byte counts when the anchor is opened',
  },
}
