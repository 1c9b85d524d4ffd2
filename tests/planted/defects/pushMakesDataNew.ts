import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'one new record makes all data of its ecosystem new',
  file: 'packages/validator/src/advisories/completeness.ts',
  before: 'for (const name of mostlyIn(index, content)) {',
  after: 'for (const name of [...content.records.values()].flatMap((one) => [...ecosystemsOf(one)])) {',
  caughtBy: {
    file: 'packages/validator/src/advisories/openAdvisories.test.ts',
    title: 'a pushed record, or one from the future, does not make old data new',
  },
}
