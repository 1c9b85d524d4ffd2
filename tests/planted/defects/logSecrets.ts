import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'secret fields are written into the log as they are',
  file: 'packages/platform/src/telemetry/logger.ts',
  before: 'log: redactFields }',
  after: 'log: (fields) => fields }',
  caughtBy: {
    file: 'packages/platform/src/telemetry/logger.test.ts',
    title: 'secret fields are blanked at every depth, in bindings, lists and errors',
  },
}
