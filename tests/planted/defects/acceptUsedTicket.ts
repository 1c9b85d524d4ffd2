import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a ticket that was used lets in another key',
  file: 'packages/server/src/fleet/enrol.ts',
  before: 'if (ticket.key_id !== null && ticket.key_id !== keyId) {',
  after: "if (ticket.key_id === '' && ticket.key_id !== keyId) {",
  caughtBy: {
    file: 'packages/server/src/fleet/enrol.test.ts',
    title: 'the same secret with the same key again gives the same certificate, with another key it is refused',
  },
}
