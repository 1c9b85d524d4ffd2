import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'an advisory between verdict and certification is not matched',
  file: 'packages/validator/src/certify/intend.ts',
  before: 'return advisories.state().state === state && index.lookedUp <= state',
  after: 'return advisories.state().state >= state && index.lookedUp >= 0',
  caughtBy: {
    file: 'packages/validator/src/watch/heldSteps.test.ts',
    title: 'an advisory between verdict and intent: matched again, refused, no number',
  },
}
