import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'an automatic record passes however many devices it stops',
  file: 'packages/server/src/trust/revocation/addRevocation.ts',
  before: 'if (reach.above.length === 0) {',
  after: 'if (reach.above.length >= 0) {',
  caughtBy: {
    file: 'packages/server/src/trust/revocation/addRevocation.test.ts',
    title: 'above the reach limit a record is announced, ends nothing, and waits; an approver has it logged',
  },
}
