import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a device goes back to a release that was itself ended',
  file: 'packages/agent/src/enforce/goBack.ts',
  before: `    if (examination.standing.kind !== 'revoked') return [release]
`,
  after: `    if (examination.standing.kind !== 'refused') return [release]
`,
  caughtBy: {
    file: 'packages/agent/src/enforce/goBack.test.ts',
    title: 'what was itself ended is passed over',
  },
}
