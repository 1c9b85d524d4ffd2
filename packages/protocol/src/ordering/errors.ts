import { type ErrorTable, errorMaker } from '../errors/codedError.ts'

/** Codes of comparing versions. */
export const orderingErrors = {
  'ordering.not-a-version': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'A text was to be compared that is no version of its ecosystem.',
  },
} as const satisfies ErrorTable

/** Makes an error with a code of `orderingErrors`. */
export const orderingError = errorMaker(orderingErrors)
