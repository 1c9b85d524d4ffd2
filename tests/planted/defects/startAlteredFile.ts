import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a file that was changed after installing is started',
  file: 'packages/agent/src/enforce/checkFiles.ts',
  before: `  if ((await digestOf(path)) !== wanted.sha256) throw changed(shown, 'has other bytes')
`,
  after: '',
  caughtBy: {
    file: 'packages/agent/src/enforce/checkFiles.test.ts',
    title: 'enforce.files-changed: a byte changed in an installed file',
  },
}
