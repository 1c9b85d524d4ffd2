import { anchorsErrors } from '@countersign/local/anchors/errors.ts'
import { callsErrors } from '@countersign/local/calls/errors.ts'
import { feedErrors } from '@countersign/local/feed/errors.ts'
import { filesErrors } from '@countersign/local/files/errors.ts'
import { apiErrors } from '@countersign/protocol/api/errors.ts'
import { bundleErrors } from '@countersign/protocol/bundle/errors.ts'
import { CodedError, type ErrorTable } from '@countersign/protocol/errors/codedError.ts'
import { policyErrors } from '@countersign/protocol/policy/errors.ts'
import { releaseErrors } from '@countersign/protocol/release/errors.ts'
import { enforceErrors } from '../enforce/errors.ts'
import { enrolErrors } from '../enrol/errors.ts'
import { releasesErrors } from '../releases/errors.ts'
import { stateErrors } from '../state/errors.ts'
import { mainErrors } from './errors.ts'

/** Every table whose codes a command of the agent can meet. */
export const agentErrors: ErrorTable = {
  ...apiErrors,
  ...bundleErrors,
  ...policyErrors,
  ...releaseErrors,
  ...filesErrors,
  ...anchorsErrors,
  ...feedErrors,
  ...callsErrors,
  ...stateErrors,
  ...enrolErrors,
  ...releasesErrors,
  ...enforceErrors,
  ...mainErrors,
}

/** Tells what went wrong and what to do, on standard error or as one JSON line on standard output. Returns the exit code. */
export function reportFailure(error: unknown, json: boolean): number {
  const code = error instanceof CodedError ? error.code : 'agent.unexpected'
  const row = agentErrors[code]
  const message = error instanceof Error ? error.message : String(error)
  const help = row?.sentence ?? sentenceOf(error)
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, help } })}\n`)
  else process.stderr.write(`countersign-agent: ${message} (${code})\n${help}\n`)
  // For whoever reports the defect; a stack is of no use to anybody else.
  if (row === undefined && process.env.DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  return row?.exit ?? exitOf(error)
}

/** A code of the server's own: by its HTTP status. */
function exitOf(error: unknown): number {
  const status = error instanceof CodedError ? Number(error.detail?.status) : Number.NaN
  if (Number.isNaN(status)) return 70
  return status >= 400 && status < 500 && status !== 429 ? 1 : 2
}

function sentenceOf(error: unknown): string {
  const exit = exitOf(error)
  if (exit === 1) return 'The server refused; its message says why.'
  return exit === 2
    ? 'The server cannot do this now. Try again later.'
    : 'This is a defect of Countersign. Please report it.'
}
