import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a device takes a release below the highest that it has had',
  file: 'packages/agent/src/releases/chooseRelease.ts',
  before: 'if (target.counter >= highest) return target',
  after: 'if (target.counter > 0) return target',
  caughtBy: {
    file: 'packages/agent/src/releases/chooseRelease.test.ts',
    title: 'releases.lower-counter: nobody leads a device below what it has had, pinned or not',
  },
}
