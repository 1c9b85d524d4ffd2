import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a logged certification that was never issued is put on a list that no device reads, and nobody is told',
  file: 'packages/server/src/trust/revocation/unrecordedCertifications.ts',
  before: 'if (mark === undefined) continue',
  after: 'if (mark?.number !== undefined) continue\n    if (mark === undefined) continue',
  caughtBy: {
    file: 'packages/server/src/trust/revocation/unrecordedCertifications.test.ts',
    title: 'a certification that is logged and was never issued is listed until approvers have ended it',
  },
}
