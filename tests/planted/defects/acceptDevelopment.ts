import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a production policy takes development anchors',
  file: 'packages/protocol/src/decide/decideToRun.ts',
  before: "policy.environment === 'production' && anchors.environment === 'development'",
  after: "policy.environment === 'development' && anchors.environment === undefined",
  caughtBy: {
    file: 'packages/protocol/src/decide/decideToRun.test.ts',
    title: 'no: development anchors, production policy',
  },
}
