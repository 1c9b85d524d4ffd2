import { join } from 'node:path'
import { type CallInput, type CallReply, call } from '@countersign/local/calls/call.ts'
import type { Route } from '@countersign/protocol/api/route.ts'
import { hasCode } from '@countersign/protocol/errors/codedError.ts'
import { instanceError } from '../instance/errors.ts'
import { readInstanceFile } from '../instance/instanceFile.ts'

/** Options of every command that talks to a running server. */
export interface AdminOptions {
  /** The data folder. */
  readonly data: string
  readonly json?: boolean
}

/** Name of the local socket in the data folder; only the server's own user can open it. */
export const ADMIN_SOCKET = 'admin.sock'

/**
 * Calls an operation of the server that runs on the data folder, over its local socket.
 * Throws `instance.not-created`, `instance.not-running`, and what the operation refuses with.
 */
export async function callAdmin<R extends Route>(data: string, route: R, input: CallInput): Promise<CallReply<R>> {
  try {
    return await call({ socketPath: join(data, ADMIN_SOCKET) }, route, input)
  } catch (error) {
    if (!hasCode(error, 'calls.unreachable')) throw error
    if ((await readInstanceFile(data)) === undefined) throw instanceError('instance.not-created', `nothing at ${data}`)
    throw instanceError('instance.not-running', `no server answers in ${data}; start it with countersign-server serve`)
  }
}
