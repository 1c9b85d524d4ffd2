import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a program starts whose manifest names another version than was certified',
  file: 'packages/agent/src/loop/steward.ts',
  before: 'if (manifest.product !== release.product || manifest.version !== release.version) {',
  after: "if (manifest.product === '' || manifest.version === '') {",
  caughtBy: {
    file: 'packages/agent/src/loop/steward.test.ts',
    title: 'releases.disagrees: a manifest that names another version than the certification does not start',
  },
}
