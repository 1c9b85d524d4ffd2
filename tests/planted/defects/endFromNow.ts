import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'the list says that an ended certificate was good until now',
  file: 'packages/server/src/trust/revocation/logRevocation.ts',
  before: "effect: { kind: 'ended', notBefore }, reason",
  after: "effect: { kind: 'ended', notBefore: notBefore && clock.now() }, reason",
  caughtBy: {
    file: 'packages/server/src/trust/revocation/addRevocation.test.ts',
    title: 'a validator ends its own certification: logged, ended, on its list from its beginning, event, on record',
  },
}
