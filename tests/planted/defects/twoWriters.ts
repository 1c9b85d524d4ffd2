import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'the commit of a log does not look whether another writer was faster',
  file: 'packages/server/src/log/store.ts',
  before: `      .where('note', '=', oldNote)
`,
  after: '',
  caughtBy: {
    file: 'packages/server/src/log/openLog.test.ts',
    title: 'of two writers on one database one goes on and the other stops',
  },
}
