import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'old knowledge about revocations is good enough for a yes',
  file: 'packages/protocol/src/decide/decideToRun.ts',
  before: 'if (ageMs > durationMs(policy.maxStaleness)) {',
  after: 'if (ageMs < 0) {',
  caughtBy: {
    file: 'packages/protocol/src/decide/decideToRun.test.ts',
    title: 'cannot tell: stale knowledge',
  },
}
