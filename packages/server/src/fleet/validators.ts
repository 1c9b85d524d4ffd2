import { decodeBase64, toHex } from '@countersign/protocol/json/base64.ts'
import type { JsonValue } from '@countersign/protocol/json/canonicalJson.ts'
import { sha256 } from '@countersign/protocol/log/merkle.ts'
import type { VerificationPolicy } from '@countersign/protocol/policy/verificationPolicy.ts'
import type { AuditIntent } from '../account/audit/auditStore.ts'
import { type ChangePolicyDeps, changePolicy } from '../trust/anchors/changePolicy.ts'
import { validatorsUrl } from '../trust/facts.ts'
import { revokeMember } from './changeDevice.ts'
import { fleetError } from './errors.ts'
import type { FleetDeps } from './fleetDeps.ts'
import type { FleetTables } from './fleetTables.ts'
import { memberUri } from './members.ts'
import { createEnrolmentTicket, type EnrolmentTicket } from './tickets.ts'

/** What the operations on validators stand on. */
export interface ValidatorsDeps extends FleetDeps {
  readonly policies: ChangePolicyDeps
  /** The verification policy as it is distributed now. */
  policy(): Promise<VerificationPolicy>
}

/** A validator that is to be let in. */
export interface NewValidator {
  readonly name: string
  readonly validityHours: number
  readonly otherOperator: boolean
}

/**
 * Lets a validator enrol, and names it in the verification policy, so that its certifications count; how many are asked for
 * stays as it is. Repeated before its enrolment, it makes another ticket. Trusts `caller` to be an operator.
 * Throws `fleet.validator-exists`, and what changing the policy throws.
 */
export async function addValidator(
  deps: ValidatorsDeps,
  caller: JsonValue,
  { name, validityHours, otherOperator }: NewValidator,
): Promise<EnrolmentTicket> {
  const member = await findValidator(deps, name)
  if (member?.state === 'admitted') throw fleetError('fleet.validator-exists', `the validator ${name} is enrolled`)
  if (member !== undefined) await setState(deps, name, { state: 'invited', same_operator: otherOperator ? 0 : 1 })
  const { facts } = deps
  const entry = { name, issuer: validatorsUrl(facts), subject: memberUri(facts, { kind: 'validators', name }) }
  await changePolicy(deps.policies, {
    actor: caller,
    why: 'validator added',
    change: ({ validators, ...policy }) => ({
      ...policy,
      validators: { ...validators, of: [...validators.of.filter(({ subject }) => subject !== entry.subject), entry] },
    }),
  })
  return createEnrolmentTicket(deps, caller, {
    subject: 'validators',
    name,
    sameOperator: !otherOperator,
    validityHours,
  })
}

/**
 * Takes a validator out of the verification policy and ends its client certificate. What it certified stays until it is
 * revoked, and its revoker key stays in the policy, because the records it signed rest on it.
 * Throws `fleet.validator-unknown`; `fleet.validator-needed` where fewer validators than the policy asks for would be left.
 */
export async function removeValidator(
  deps: ValidatorsDeps,
  caller: JsonValue,
  name: string,
): Promise<{ name: string }> {
  if ((await findValidator(deps, name)) === undefined) {
    throw fleetError('fleet.validator-unknown', `there is no validator ${name}`)
  }
  const subject = memberUri(deps.facts, { kind: 'validators', name })
  await changePolicy(deps.policies, {
    actor: caller,
    why: 'validator removed',
    change: ({ validators, ...policy }) => {
      const of = validators.of.filter((one) => one.subject !== subject)
      // Asking for fewer by itself would let artifacts run that nobody certified.
      if (of.length < validators.required) {
        throw fleetError('fleet.validator-needed', `the policy asks for ${validators.required} validators`)
      }
      return { ...policy, validators: { ...validators, of } }
    },
  })
  const intent = await deps.database.transaction<FleetTables, AuditIntent>('fleet.validator-removal', async (trx) => {
    await revokeMember(deps, trx, { kind: 'validators', name })
    return deps.audit.intend(trx, { kind: 'validator.removed', actor: caller, detail: { name } })
  })
  await deps.callers.refresh('validators', name)
  await deps.audit.settle(intent)
  return { name }
}

/** Every validator that was ever let in, by name. */
export async function listValidators({ database, facts, policy }: ValidatorsDeps) {
  const rows = await database
    .tables<FleetTables>()
    .selectFrom('fleet_members')
    .selectAll()
    .where('kind', '=', 'validators')
    .orderBy('name')
    .execute()
  const { revokers } = await policy()
  return rows.map((row) => {
    const key = revokers.keys.find(({ validator }) => validator?.name === row.name)
    return {
      name: row.name,
      subject: memberUri(facts, { kind: 'validators', name: row.name }),
      otherOperator: row.same_operator === 0,
      state: stateOf(row.state),
      ...(row.last_seen_ms !== null && { lastSeenAt: new Date(row.last_seen_ms).toISOString() }),
      ...(key !== undefined && { revokerKeyId: keyIdOf(key.spki) }),
    }
  })
}

function stateOf(state: string): 'invited' | 'enrolled' | 'removed' {
  return state === 'admitted' ? 'enrolled' : state === 'removed' ? 'removed' : 'invited'
}

function keyIdOf(spki: string): string {
  return toHex(sha256(decodeBase64(spki, 'the key')))
}

function findValidator({ database }: FleetDeps, name: string) {
  return database
    .tables<FleetTables>()
    .selectFrom('fleet_members')
    .selectAll()
    .where('kind', '=', 'validators')
    .where('name', '=', name)
    .executeTakeFirst()
}

async function setState(
  { database }: FleetDeps,
  name: string,
  values: { readonly state: string; readonly same_operator: number },
): Promise<void> {
  await database.transaction<FleetTables, void>('fleet.validator', async (trx) => {
    await trx
      .updateTable('fleet_members')
      .set(values)
      .where('kind', '=', 'validators')
      .where('name', '=', name)
      .execute()
  })
}
