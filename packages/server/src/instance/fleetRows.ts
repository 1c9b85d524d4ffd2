import type { InstanceStatus } from '@countersign/protocol/api/admin.ts'

/** A validator as a row of a table: who it is, who runs it, by which advisory data it decides, and when it said so. */
export function validatorRow(validator: InstanceStatus['validators'][number]): string[] {
  const { name, state, otherOperator, toldAt } = validator
  const operator = otherOperator ? 'another operator' : 'same operator'
  return [name, state, operator, advisoriesOf(validator), toldAt === undefined ? '' : `at ${toldAt}`]
}

/** The devices as rows of a table. */
export function deviceRows({ admitted, pending, silent }: InstanceStatus['devices']): string[][] {
  return [
    ['admitted', String(admitted)],
    ['waiting for the operator', String(pending)],
    ['silent for longer than the policy allows', String(silent)],
  ]
}

function advisoriesOf({ advisories }: InstanceStatus['validators'][number]): string {
  if (advisories === undefined) return 'has said nothing yet'
  const { records, asOf, sample } = advisories
  if (records === 0) return 'no advisory data: nothing will be certified'
  return `advisory data as of ${asOf ?? 'an unknown time'}, ${sample ? 'sample, ' : ''}${records} records`
}
