import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'any news stops the program',
  file: 'packages/agent/src/loop/steward.ts',
  before: "if (effect === 'stop' || effect === 'goBack') {",
  after: "if (push !== undefined || effect === 'stop' || effect === 'goBack') {",
  caughtBy: {
    world: '11 10 14 stormy',
    property: 'no device stops what did not end',
  },
}
