import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a validator certifies what nobody whom it trusts has signed',
  file: 'packages/validator/src/certify/checkSignature.ts',
  before: "if (decision.answer === 'yes' || (decision.answer === 'cannot tell' && isOpen)) return",
  after: "if (decision.answer !== 'cannot tell' || isOpen) return",
  caughtBy: {
    file: 'packages/validator/src/certify/judge.test.ts',
    title: 'certify.signature-refused before anything is inspected',
  },
}
