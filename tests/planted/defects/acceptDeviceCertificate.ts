import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'an issuer limited to another purpose may issue code signing certificates',
  file: 'packages/protocol/src/x509/verifyChain.ts',
  before: '!extendedKeyUsage.includes(EXTENDED_KEY_USAGES[purpose])',
  after: 'extendedKeyUsage.length === 0',
  caughtBy: {
    file: 'packages/protocol/src/x509/verifyChain.test.ts',
    title: 'a chain with a leaf of an issuer for another purpose is refused with x509.wrong-purpose',
  },
}
