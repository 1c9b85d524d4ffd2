import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'each automatic record is weighed alone, so many small ones end everything',
  file: 'packages/server/src/trust/revocation/addRevocation.ts',
  before: 'const reach = await reachOf(deps, revokers, ending, earlier)',
  after: 'const reach = await reachOf(deps, revokers, ending, { ...earlier, certifications: 0 })',
  caughtBy: {
    file: 'packages/server/src/trust/revocation/addRevocation.test.ts',
    title: 'many small records of one day count together: what is split waits as the whole would',
  },
}
