import { type ErrorTable, errorMaker } from '../errors/codedError.ts'

/** Codes of reading advisories in the OSV format. */
export const osvErrors = {
  'osv.malformed': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'The record is not an advisory in the OSV format. The message names the field and the rule.',
  },
  'osv.version-unknown': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'The advisory is written for another major version of the OSV format. Update Countersign.',
  },
} as const satisfies ErrorTable

/** Makes an error with a code of `osvErrors`. */
export const osvError = errorMaker(osvErrors)
