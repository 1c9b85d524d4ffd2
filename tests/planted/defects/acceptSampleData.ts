import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a production validator takes sample data',
  file: 'packages/validator/src/advisories/openAdvisories.ts',
  before: "if (sample && this.#deps.environment === 'production') {",
  after: 'if (sample && this.#deps.environment === undefined) {',
  caughtBy: {
    file: 'packages/validator/src/advisories/openAdvisories.test.ts',
    title: 'sample data is marked, and production refuses it',
  },
}
