import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a stored trusted root is not compared with the digest that was signed for it',
  file: 'packages/local/src/anchors/verifyRepository.ts',
  before: '    checkFile(name, stored.files[name], statement)\n',
  after: '',
  caughtBy: {
    file: 'packages/local/src/anchors/anchors.test.ts',
    title: 'anchors.tampered: every stored byte counts when the anchor is opened',
  },
}
