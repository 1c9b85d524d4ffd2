import { CodedError, type ErrorRow, type ErrorTable } from '@countersign/protocol/errors/codedError.ts'
import { httpErrors } from './errors.ts'

/** The media type of RFC 9457. */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

/** A problem document (RFC 9457); `code` and `message` are what Sigstore clients print. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly message: string
}

/** What the edge makes of an error: the document for the caller, and the row that says who has to act. */
export interface ProblemReport {
  readonly problem: Problem
  readonly row: ErrorRow
}

/**
 * The problem document for `error`. Only refusals carry their own words, since they are about what the caller sent;
 * of everything else the caller learns the public sentence. An error without a known code is `http.internal`.
 */
export function problemOf(error: unknown, errors: ErrorTable): ProblemReport {
  const found = error instanceof CodedError && Object.hasOwn(errors, error.code) ? errors[error.code] : undefined
  if (found === undefined) return describe('http.internal', httpErrors['http.internal'], undefined)
  const coded = error as CodedError
  return describe(coded.code, found, found.kind === 'refused' ? coded.message : undefined)
}

function describe(code: string, row: ErrorRow, words: string | undefined): ProblemReport {
  const detail = words ?? row.sentence
  const problem = {
    type: `urn:countersign:error:${code}`,
    title: row.sentence,
    status: row.status,
    detail,
    code,
    message: detail,
  }
  return { problem, row }
}
