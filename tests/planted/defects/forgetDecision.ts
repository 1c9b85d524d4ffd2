import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'what was decided about a submission is not kept once it is certified',
  file: 'packages/validator/src/certify/certify.ts',
  before: '  const { id, number, authority } = await finish(deps, begun)\n',
  after:
    '  const { id, number, authority } = await finish(deps, begun)\n' +
    '  await deps.store.changeSubmission(row.id, { decision: null })\n',
  caughtBy: {
    world: '31 3 8 stormy',
    property: 'no certification without a recorded decision',
  },
}
