import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'without advisory data nothing is found, and that is called clean',
  file: 'packages/validator/src/match/dataGaps.ts',
  before: "if (records === 0) return [gap('gap.no-advisory-data', 'there is no advisory data')]",
  after: 'if (records === 0) return []',
  caughtBy: {
    file: 'packages/validator/src/match/matchCatalogue.test.ts',
    title: 'everything unclear is incomplete, under a name of its own',
  },
}
