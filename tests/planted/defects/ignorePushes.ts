import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'what is pushed is never taken',
  file: 'packages/local/src/feed/watchFeed.ts',
  before: '  if (!isNew) return false\n',
  after: '  if (isNew) return false\n',
  caughtBy: {
    world: '11 10 14 stormy',
    property: 'no ended code runs that the device could know of',
  },
}
