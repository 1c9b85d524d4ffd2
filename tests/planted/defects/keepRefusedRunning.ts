import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'code that the policy no longer lets run goes on until its next start',
  file: 'packages/protocol/src/decide/decideEffect.ts',
  before: "return policy.onRevoked === 'inform' ? 'inform' : 'stop'",
  after: "return 'inform'",
  caughtBy: {
    file: 'packages/agent/src/loop/steward.test.ts',
    title: 'a validator taken out of the policy stops what relied on it, and no lower version starts',
  },
}
