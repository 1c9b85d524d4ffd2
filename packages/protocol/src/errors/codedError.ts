/**
 * Who has to act on an error.
 * - `refused`: the caller's doing; the message says what was wrong and what to do.
 * - `unavailable`: nobody's doing; the same call may succeed later.
 * - `broken`: an invariant failed; log it, stop, and let a restart repair.
 */
export type ErrorKind = 'refused' | 'unavailable' | 'broken'

/** Exit codes of every command: 0 done, 1 refused, 2 unavailable or cannot tell, 64 usage, 70 broken. */
export type ExitCode = 0 | 1 | 2 | 64 | 70

/** What the edges (HTTP, command line) need to know about one code. Domain code never reads a row. */
export interface ErrorRow {
  readonly kind: ErrorKind
  /** HTTP status of the problem document (RFC 9457). */
  readonly status: number
  readonly exit: ExitCode
  /** One public sentence or two: what happened, and what to do about it. Holds no value of the request. */
  readonly sentence: string
}

/** The codes of one top folder. Keys read `<folder>.<what>`, for example `log.proof-wrong`. */
export type ErrorTable = Readonly<Record<string, ErrorRow>>

/** What an error may carry besides code and message. */
export interface ErrorContext {
  readonly cause?: unknown
  /** Values for a program to read. Never a secret, never unbounded input. */
  readonly detail?: Readonly<Record<string, unknown>>
}

/** A caller whose identity is proven, in values that may be logged. */
export type Caller = Readonly<Record<string, string>>

/** The one error class. `code` is a key of exactly one folder's table; `message` is this case in words. */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code
  readonly detail: Readonly<Record<string, unknown>> | undefined
  /** Who was refused, where that is proven: for the audit trail, never for the answer. Set by `refusedCaller`. */
  caller: Caller | undefined

  constructor(code: Code, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause })
    this.name = 'CodedError'
    this.code = code
    this.detail = context.detail
  }
}

/**
 * Makes the function with which one folder makes its errors, so that a code outside its table does not compile:
 * `throw logError('log.proof-wrong', 'the computed root differs from the checkpoint')`.
 */
export function errorMaker<Table extends ErrorTable>(
  _table: Table,
): (code: keyof Table & string, message: string, context?: ErrorContext) => CodedError<keyof Table & string> {
  return (code, message, context) => new CodedError(code, message, context)
}

/** True for a `CodedError` with exactly this code. */
export function hasCode<Code extends string>(error: unknown, code: Code): error is CodedError<Code> {
  return error instanceof CodedError && error.code === code
}

/** Notes on an error whom it refused, and returns it. Other values pass through: nobody was refused by them. */
export function refusedCaller(error: unknown, caller: Caller): unknown {
  if (error instanceof CodedError) error.caller = caller
  return error
}
