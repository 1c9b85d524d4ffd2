import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { serverErrors } from '../compose/serverErrors.ts'

/** Tells what went wrong and what to do, on standard error or as one JSON line on standard output. Returns the exit code. */
export function reportFailure(error: unknown, json: boolean): number {
  const code = error instanceof CodedError ? error.code : 'server.unexpected'
  const row = serverErrors[code]
  const message = error instanceof Error ? error.message : String(error)
  const help = row?.sentence ?? 'This is a defect of Countersign. Run again with --log-level debug and report it.'
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, help } })}\n`)
  else process.stderr.write(`countersign-server: ${message} (${code})\n${help}\n`)
  return row?.exit ?? 70
}
