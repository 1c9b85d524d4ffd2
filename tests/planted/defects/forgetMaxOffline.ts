import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a device that hears nothing runs ended code for ever',
  file: 'packages/agent/src/enforce/examine.ts',
  before: "if (policy.maxOffline === '0' || knowledge.freshness === undefined) return false",
  after: 'return false',
  caughtBy: {
    world: '5 12 14 stormy',
    property: 'no ended code runs longer than maxOffline',
  },
}
