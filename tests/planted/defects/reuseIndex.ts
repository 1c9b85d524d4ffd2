import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'the second entry of a round gets the index of the first',
  file: 'packages/server/src/log/growth.ts',
  before: `    const index = tree.size
`,
  after: `    const index = committed.checkpoint.size
`,
  caughtBy: {
    file: 'packages/server/src/log/openLog.test.ts',
    title: 'entries appended at once from many sides get every index once',
  },
}
