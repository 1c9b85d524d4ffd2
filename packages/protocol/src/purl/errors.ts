import { type ErrorTable, errorMaker } from '../errors/codedError.ts'

/** Codes of reading package URLs. */
export const purlErrors = {
  'purl.malformed': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'The text is not a package URL (purl). The message names the part and the rule.',
  },
} as const satisfies ErrorTable

/** Makes an error with a code of `purlErrors`. */
export const purlError = errorMaker(purlErrors)
