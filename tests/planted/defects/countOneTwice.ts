import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'one validator that certified twice counts for two',
  file: 'packages/protocol/src/decide/decideToRun.ts',
  before:
    'const isEnough = new Set(counting.map(({ validator }) => `${validator.issuer} ${validator.subject}`)).size >= required',
  after: 'const isEnough = counting.length >= required',
  caughtBy: {
    file: 'packages/protocol/src/decide/decideArtifact.test.ts',
    title: 'two validators are two, one that certified twice is one',
  },
}
