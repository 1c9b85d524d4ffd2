import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'what an operator decided counts also for findings that they were never shown',
  file: 'packages/validator/src/certify/operatorDecision.ts',
  before: 'if (!open.every((finding) => asked.includes(textOf(finding)))) return decision',
  after: 'if (asked.length === 0) return decision',
  caughtBy: {
    file: 'packages/validator/src/certify/decideAsked.test.ts',
    title: 'certify.asked-anew: advisories that came since the verdict are not decided with it',
  },
}
