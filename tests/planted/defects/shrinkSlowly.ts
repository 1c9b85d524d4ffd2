import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'what a feed loses counts for each import alone, so that it can lose everything little by little',
  file: 'packages/validator/src/advisories/difference.ts',
  before: 'const earlier = lostBefore.get(name) ?? 0',
  after: 'const earlier = Math.min(0, lostBefore.get(name) ?? 0)',
  caughtBy: {
    file: 'packages/validator/src/advisories/openAdvisories.test.ts',
    title: 'a feed that shrinks little by little is held too, until an operator has looked or a week has passed',
  },
}
