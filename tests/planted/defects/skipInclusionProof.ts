import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'an inclusion proof is computed and not compared with the root',
  file: 'packages/protocol/src/log/merkle.ts',
  before: 'if (!equalBytes(computed, root)) throw',
  after: 'if (computed.length !== root.length) throw',
  caughtBy: {
    file: 'packages/protocol/src/log/merkle.test.ts',
    title: 'an inclusion proof with any one change is refused',
  },
}
