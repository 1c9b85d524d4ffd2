import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { createEnrolmentTicket } from '../fleet/tickets.ts'
import { addValidator, listValidators, type ValidatorsDeps } from '../fleet/validators.ts'
import { EMBEDDED_VALIDATOR } from '../instance/anchorTargets.ts'

const VALIDITY_HOURS = 1
const SERVER = 'server'

/** Whether the embedded validator may run: an operator who removed it does not want it back at the next start. */
export async function mayRunEmbedded(fleet: ValidatorsDeps): Promise<boolean> {
  const found = (await listValidators(fleet)).find(({ name }) => name === EMBEDDED_VALIDATOR)
  return found?.state !== 'removed'
}

/**
 * A ticket with which the embedded validator enrols, good for an hour; its certificates say that one operator runs both.
 * One whose folder was lost enrols anew under the same name.
 */
export async function embeddedTicket(fleet: ValidatorsDeps): Promise<string> {
  const name = EMBEDDED_VALIDATOR
  try {
    const request = { name, validityHours: VALIDITY_HOURS, otherOperator: false }
    return (await addValidator(fleet, SERVER, request)).ticket
  } catch (error) {
    if (!hasCode(error, 'fleet.validator-exists')) throw error
    const request = { subject: 'validators', name, sameOperator: true, validityHours: VALIDITY_HOURS } as const
    return (await createEnrolmentTicket(fleet, SERVER, request)).ticket
  }
}
