import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a consistency proof is not compared with the old root, so a fork looks like growth',
  file: 'packages/protocol/src/log/merkle.ts',
  before: 'if (!equalBytes(oldComputed, oldRoot)) throw',
  after: 'if (oldComputed.length !== oldRoot.length) throw',
  caughtBy: {
    file: 'packages/protocol/src/log/merkle.test.ts',
    title: 'a consistency proof with any one change is refused',
  },
}
