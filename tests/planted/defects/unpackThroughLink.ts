import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'an entry of an archive lands behind a link',
  file: 'packages/agent/src/releases/archivePath.ts',
  before: `        if ((kinds.get(above) ?? 'folder') !== 'folder') throw malformed(name, 'is below what is no folder')
`,
  after: '',
  caughtBy: {
    file: 'packages/agent/src/releases/unpack.test.ts',
    title: 'releases.archive-malformed: a file below a link',
  },
}
