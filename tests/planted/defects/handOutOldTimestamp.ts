import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'the last check before handing out takes an old timestamp',
  file: 'packages/validator/src/certify/verifyOwn.ts',
  before: 'if (verified.timestamps[0]?.nonce !== expected.nonces[at]) {',
  after: 'if (verified.timestamps.length === 0) {',
  caughtBy: {
    file: 'packages/validator/src/certify/verifyOwn.test.ts',
    title: 'certify.own-result-wrong: an old timestamp of the certification',
  },
}
