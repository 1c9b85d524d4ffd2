import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'the first root is not compared with the hash in the ticket',
  file: 'packages/local/src/anchors/addTrust.ts',
  before: 'if (sha256Hex(firstRoot) !== rootSha256) {',
  after: 'if (firstRoot.length === 0) {',
  caughtBy: {
    file: 'packages/local/src/anchors/anchors.test.ts',
    title: 'ticket.expired and anchors.root-mismatch: nothing is written',
  },
}
