import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'an automatic record passes the reach limit by a flag that nothing in the record bears out',
  file: 'packages/server/src/trust/revocation/reachOf.ts',
  before: 'kind[one] && advisories.some((id) => id.startsWith(PREFIXES[one]))',
  after: 'kind[one] && advisories.some((id) => id.length >= PREFIXES[one].length)',
  caughtBy: {
    file: 'packages/server/src/trust/revocation/addRevocation.test.ts',
    title: 'what the policy lets pass as malware has to name an advisory MAL-…, and to be declared as such',
  },
}
