import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'the authority of people certifies too',
  file: 'packages/protocol/src/decide/verifyCertification.ts',
  before: 'if (!authority.certifies) {',
  after: "if (authority.uri === '') {",
  caughtBy: {
    file: 'packages/protocol/src/decide/verifyCertification.test.ts',
    title: 'no certification: an authority that the trusted root lists for identities too',
  },
}
