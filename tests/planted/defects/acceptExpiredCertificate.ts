import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'the end of a certificate is not looked at',
  file: 'packages/protocol/src/x509/verifyChain.ts',
  before: 'if (!(time <= certificate.notAfter.getTime())) {',
  after: 'if (Number.isNaN(time)) {',
  caughtBy: {
    file: 'packages/protocol/src/x509/verifyChain.test.ts',
    title: 'a chain with a moment after the leaf is refused with x509.expired',
  },
}
