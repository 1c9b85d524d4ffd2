import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'an agent does not take the control group, so what leaves its session outlives a recall',
  file: 'packages/agent/src/enforce/start.ts',
  before: 'const isInGroup = group?.take(pid) === true',
  after: 'const isInGroup = false',
  caughtBy: {
    file: 'packages/agent/src/enforce/program.test.ts',
    title: 'everything that a program has started ends with it, also what left its session and ignores SIGTERM',
  },
}
