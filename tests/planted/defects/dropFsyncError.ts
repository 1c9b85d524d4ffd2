import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a disk that did not confirm a file is taken for one that did',
  file: 'packages/local/src/files/durable.ts',
  before: "throw filesError('files.fsync-failed', 'the disk did not confirm a file', { cause: error })",
  after: 'void error',
  caughtBy: {
    file: 'packages/local/src/files/durable.test.ts',
    title: 'a file whose fsync fails does not take the place of the old one',
  },
}
