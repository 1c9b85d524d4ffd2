import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'after a loss of state an old checkpoint that is replayed lets things start',
  file: 'packages/agent/src/loop/freshCheckpoint.ts',
  before: 'return ageMs <= durationMs(policy.maxStaleness) &&',
  after: 'return ageMs <= durationMs(policy.maxStaleness) * 1000 &&',
  caughtBy: {
    file: 'packages/agent/src/loop/agent.test.ts',
    title: 'after a loss of state a checkpoint that somebody replays does not count, a fresh one does',
  },
}
