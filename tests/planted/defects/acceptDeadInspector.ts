import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'an inspector that died leaves no gap',
  file: 'packages/validator/src/inspector/inspect.ts',
  before: 'components: [], dependencies: [], gaps: [gap], scanner }',
  after: "components: [], dependencies: [], gaps: [gap].filter(({ code }) => code === ''), scanner }",
  caughtBy: {
    file: 'tests/threats/hostileInspector.test.ts',
    title: 'whose answer is not a listing gives an incomplete catalogue',
  },
}
