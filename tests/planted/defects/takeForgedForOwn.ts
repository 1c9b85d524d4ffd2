import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a validator takes every certificate in its name for one of its own',
  file: 'packages/validator/src/watch/forgedStore.ts',
  before: 'const forged = named.filter(({ spki }) => !own.has(spki.toHex()))',
  after: 'const forged = named.filter(({ spki }) => !own.has(spki.toHex()) && own.size < 0)',
  caughtBy: {
    file: 'packages/validator/src/watch/followCertificates.test.ts',
    title: 'a certificate in our name by a key we never had is kept, and the status says what approvers have to run',
  },
}
