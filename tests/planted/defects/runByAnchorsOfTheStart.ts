import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a program in the foreground is watched by the policy of its start for ever',
  file: 'packages/local/src/feed/watchRenewed.ts',
  before: 'return now.root !== old.root || now.targets !== old.targets',
  after: 'return now.root < old.root',
  caughtBy: {
    file: 'packages/agent/src/run/run.test.ts',
    title: 'run.recalled: by a revoker whom the policy names only since it runs',
  },
}
