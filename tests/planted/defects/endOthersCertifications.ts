import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: "a validator's record ends another validator's certifications",
  file: 'packages/protocol/src/decide/endingsOf.ts',
  before: 'return validator === undefined || identity?.subject === `${identity?.issuer}/${validator}`',
  after: "return validator === undefined || identity?.subject !== ''",
  caughtBy: {
    file: 'packages/protocol/src/decide/endingsOf.test.ts',
    title: "a validator's own record ends nothing of another validator under the same authority",
  },
}
