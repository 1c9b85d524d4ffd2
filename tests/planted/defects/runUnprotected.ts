import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a production validator inspects with nothing around the inspector',
  file: 'packages/validator/src/compose/refuseUnprotected.ts',
  before: "if (environment !== 'production' || allowUnprotected || protections.some(({ active }) => active)) return",
  after: "if (environment !== 'production' || allowUnprotected || protections.length > 0) return",
  caughtBy: {
    file: 'packages/validator/src/compose/refuseUnprotected.test.ts',
    title: 'validator.unprotected: in production, with nothing active, and nobody has allowed it',
  },
}
