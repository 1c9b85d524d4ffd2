import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a device takes older anchors than it has acted on',
  file: 'packages/agent/src/loop/agent.ts',
  before: 'if (root < tuf.root || targets < tuf.targets || timestamp < tuf.timestamp) {',
  after: 'if (root < 0 || targets < 0 || timestamp < 0) {',
  caughtBy: {
    file: 'packages/agent/src/loop/agent.test.ts',
    title: 'state.went-back: older anchors than this device has acted on, however well signed',
  },
}
