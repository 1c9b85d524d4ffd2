import type { InstanceStatus } from '@countersign/protocol/api/admin.ts'
import { readValidatorStatus, type ToldStatus } from '../artifacts/validatorStatus.ts'
import { listDevices } from './listDevices.ts'
import { listValidators, type ValidatorsDeps } from './validators.ts'

/** The validators and devices of an instance, and why somebody should look at them. */
export type FleetStatus = Pick<InstanceStatus, 'validators' | 'devices' | 'attention'>

/** One protection of a validator's inspector. */
export interface ValidatorProtection {
  readonly name: string
  readonly active: boolean
  readonly detail: string
}

/** A validator says every minute how it is; this long without a word means that it does not run. */
const MAX_STATUS_AGE_MS = 5 * 60_000

/** What `status` shows of validators and devices; no attention: nobody has to look at them. */
export async function readFleetStatus(deps: ValidatorsDeps): Promise<FleetStatus> {
  const devices = await listDevices(deps)
  const told = new Map((await readValidatorStatus(deps.database)).map((one) => [one.validator, one]))
  const validators = await listValidators(deps)
  const now = deps.clock.now()
  const silent = devices.filter(({ attention }) => attention.some(({ code }) => code === 'fleet.silent'))
  const countOf = (wanted: string) => devices.filter(({ state }) => state === wanted).length
  return {
    validators: validators.map((one) => describeValidator(one, told.get(one.name))),
    devices: { admitted: countOf('admitted'), pending: countOf('pending'), silent: silent.length },
    attention: [
      ...validators
        .filter(({ state }) => state === 'enrolled')
        .flatMap(({ name }) => attentionOf(name, told.get(name), now)),
      ...devices.flatMap(({ attention }) => attention),
    ],
  }
}

function describeValidator(
  { name, otherOperator, state }: FleetStatus['validators'][number],
  told: ToldStatus | undefined,
): FleetStatus['validators'][number] {
  const { version, advisories } = told?.status ?? {}
  return {
    name,
    otherOperator,
    state,
    ...(told && { toldAt: told.toldAt.toISOString() }),
    ...(version !== undefined && { version }),
    ...(advisories && { advisories }),
  }
}

function attentionOf(name: string, told: ToldStatus | undefined, now: Date): FleetStatus['attention'] {
  if (told === undefined || now.getTime() - told.toldAt.getTime() > MAX_STATUS_AGE_MS) {
    const since = told === undefined ? 'it enrolled' : told.toldAt.toISOString()
    return [
      { code: 'status.validator-silent', message: `the validator ${name} has said nothing since ${since}; start it` },
    ]
  }
  const { advisories, attention } = told.status
  const own = attention.map(({ code, message }) => ({ code, message: `the validator ${name}: ${message}` }))
  const saysSo = attention.some(({ message }) => message.includes('no advisory data'))
  if (advisories.records > 0 || saysSo) return own
  const message = `the validator ${name}: no advisory data: nothing will be certified; \`countersign-validator advisories import\``
  return [...own, { code: 'status.no-advisories', message }]
}

/** What confines the inspectors of the validators, as they say themselves. */
export async function validatorProtections({
  database,
}: Pick<ValidatorsDeps, 'database'>): Promise<ValidatorProtection[]> {
  const told = await readValidatorStatus(database)
  return told.flatMap(({ validator, status }) =>
    status.protections.map(({ name, active, detail }) => ({ name: `${validator}: ${name}`, active, detail })),
  )
}
