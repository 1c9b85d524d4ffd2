import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import { validatorErrors } from '../compose/validatorErrors.ts'

/** Tells what went wrong and what to do, on standard error or as one JSON line on standard output. Returns the exit code. */
export function reportFailure(error: unknown, json: boolean): number {
  const code = error instanceof CodedError ? error.code : 'validator.unexpected'
  const row = validatorErrors[code]
  const message = error instanceof Error ? error.message : String(error)
  const help = row?.sentence ?? unknownHelp(error)
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, help } })}\n`)
  else process.stderr.write(`countersign-validator: ${message} (${code})\n${help}\n`)
  return row?.exit ?? (error instanceof CodedError ? 1 : 70)
}

/** A code that is only in the instance's tables came with an answer of the instance. */
function unknownHelp(error: unknown): string {
  if (error instanceof CodedError) return 'The instance refused; its message says why.'
  return 'This is a defect of Countersign. Run again with --log-level debug and report it.'
}
