import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a submission may name another version than its manifest',
  file: 'packages/validator/src/certify/judge.ts',
  before: 'if ((submission.product ?? product) !== product || (submission.version ?? version) !== version) {',
  after: 'if ((submission.product ?? product) !== product) {',
  caughtBy: {
    file: 'packages/validator/src/certify/judge.test.ts',
    title: 'certify.product-mismatch: the manifest is signed, so the submission may not say otherwise',
  },
}
