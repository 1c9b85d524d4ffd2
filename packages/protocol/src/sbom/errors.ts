import { type ErrorTable, errorMaker } from '../errors/codedError.ts'

/** Codes of what an inspector found in an artifact. */
export const sbomErrors = {
  'sbom.catalogue-version': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'The catalogue is of another version than this program reads. Catalogue the artifact again.',
  },
  'sbom.catalogue-malformed': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'The catalogue of the artifact breaks a rule of its format. Catalogue the artifact again.',
  },
} as const satisfies ErrorTable

/** Makes an error with a code of `sbomErrors`. */
export const sbomError = errorMaker(sbomErrors)
