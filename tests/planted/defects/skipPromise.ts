import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'the signature of the certificate log under its promise is not verified',
  file: 'packages/protocol/src/x509/sct.ts',
  before: "if (!isSignedBy(key, 'ecdsa-sha256', signed, sct.signature)) {",
  after: 'if (!key || signed.length === 0) {',
  caughtBy: {
    file: 'packages/protocol/src/x509/sct.test.ts',
    title: 'an SCT for another certificate is refused with x509.sct-wrong',
  },
}
