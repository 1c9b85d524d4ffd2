import { join } from 'node:path'
import { type CallInput, type CallReply, call } from '@countersign/local/calls/call.ts'
import type { Route } from '@countersign/protocol/api/route.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { composeError } from '../compose/errors.ts'

/** Options of every command that talks to a running validator. */
export interface ValidatorOptions {
  /** The data folder. */
  readonly data: string
  readonly json?: boolean
}

/** Name of the local socket in the data folder; only the validator's own user can open it. */
export const ADMIN_SOCKET = 'admin.sock'

/** Calls an operation of the validator that runs on the data folder. Throws `validator.not-running`, and its refusals. */
export async function callValidator<R extends Route>(
  data: string,
  route: R,
  input: CallInput = {},
): Promise<CallReply<R>> {
  try {
    return await call({ socketPath: join(data, ADMIN_SOCKET) }, route, input)
  } catch (error) {
    if (!hasCode(error, 'calls.unreachable')) throw error
    throw composeError('validator.not-running', `no validator answers in ${data}`)
  }
}
