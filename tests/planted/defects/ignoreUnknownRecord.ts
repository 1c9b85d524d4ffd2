import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a record that this version cannot read is passed over in silence',
  file: 'packages/local/src/feed/storedRecords.ts',
  before: 'return { unreadable: error.message }',
  after: 'return {}',
  caughtBy: {
    file: 'packages/local/src/feed/feed.test.ts',
    title: 'feed.record-unknown: a record of unknown version or scope makes what is known stale, never ignored',
  },
}
