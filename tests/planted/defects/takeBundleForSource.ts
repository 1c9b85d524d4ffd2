import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a bundle with short lines and without comments is taken for source',
  file: 'packages/validator/src/inspector/looksBundled.ts',
  before: 'return holdsModules(shape) || isMinified(shape)',
  after: 'return holdsModules(shape) && isMinified(shape) && text.length === 0',
  caughtBy: {
    file: 'packages/validator/src/inspector/looksBundled.test.ts',
    title: '--minify --line-limit=80 --legal-comments=none',
  },
}
