import type { ToldStatus } from '../artifacts/validatorStatus.ts'
import { readValidatorStatus } from '../artifacts/validatorStatus.ts'
import { listDevices } from './listDevices.ts'
import { listValidators, type ValidatorsDeps } from './validators.ts'

/** Something that an operator should look at. */
export interface FleetAttention {
  readonly code: string
  readonly message: string
}

/** One protection of a validator's inspector. */
export interface ValidatorProtection {
  readonly name: string
  readonly active: boolean
  readonly detail: string
}

/** A validator says every minute how it is; this long without a word means that it does not run. */
const MAX_STATUS_AGE_MS = 5 * 60_000

/** Why somebody should look at the devices and validators of this instance; empty: nobody has to. */
export async function fleetAttention(deps: ValidatorsDeps): Promise<FleetAttention[]> {
  const devices = await listDevices(deps)
  const told = await readValidatorStatus(deps.database)
  const enrolled = (await listValidators(deps)).filter(({ state }) => state === 'enrolled')
  const now = deps.clock.now()
  return [
    ...enrolled.flatMap(({ name }) =>
      attentionOf(
        name,
        told.find(({ validator }) => validator === name),
        now,
      ),
    ),
    ...devices.flatMap(({ attention }) => attention),
  ]
}

function attentionOf(name: string, told: ToldStatus | undefined, now: Date): FleetAttention[] {
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
