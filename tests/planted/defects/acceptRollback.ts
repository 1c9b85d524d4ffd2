import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'trust metadata may be older than what this machine has seen',
  file: 'packages/local/src/anchors/addTrust.ts',
  before: `    verifyRepository(repository, rootSha256)
    return repository
`,
  after: `    verifyRepository(repository, rootSha256)
    return { roots: [firstRoot] }
`,
  caughtBy: {
    file: 'packages/local/src/anchors/anchors.test.ts',
    title: 'anchors.rolled-back: older metadata than before, also by adding trust again',
  },
}
