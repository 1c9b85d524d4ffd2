import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a device without news goes on as if it had some',
  file: 'packages/agent/src/enforce/examine.ts',
  before: "if (decision.answer !== 'yes' && !expired) return { kind: 'stale'",
  after: "if (decision.answer === 'no' && !expired) return { kind: 'stale'",
  caughtBy: {
    file: 'packages/agent/src/loop/steward.test.ts',
    title: 'without news what runs goes on and may start again, what is new may not, until maxOffline',
  },
}
