import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'JSON with the same key twice is read, so two readers can see two documents',
  file: 'packages/protocol/src/json/parseJson.ts',
  before: 'if (keys.has(value)) throw',
  after: "if (keys.has('')) throw",
  caughtBy: {
    file: 'packages/protocol/src/json/parseJson.test.ts',
    title: 'the same key twice is refused with json.duplicate-key',
  },
}
