import { CodedError } from '../errors/codedError.ts'

/**
 * Runs `read` and turns its `der.*` errors into what `translate` makes of them, so that a caller learns which document
 * was malformed and not only that some ASN.1 was. Other errors pass.
 */
export function translateDerErrors<T>(translate: (cause: CodedError) => CodedError, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof CodedError && error.code.startsWith('der.')) throw translate(error)
    throw error
  }
}
