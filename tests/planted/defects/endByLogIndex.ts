import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a record ends what stands at its numbers in the log, so logging again revives',
  file: 'packages/protocol/src/decide/endingsOf.ts',
  before: 'includes(record.numbers, claim.number) &&',
  after: 'includes(record.numbers, claim.entry?.index) &&',
  caughtBy: {
    file: 'packages/protocol/src/decide/decideArtifact.test.ts',
    title: 'an ended certification with its signature turned to (r, n-s), logged and stamped anew, stays ended',
  },
}
