import { type ErrorTable, errorMaker } from '../errors/codedError.ts'

const refused = { kind: 'refused', status: 422, exit: 1 } as const

/** Codes of what makes up a release: the manifest in an artifact and the target that names the artifacts of a release. */
export const releaseErrors = {
  'release.manifest-malformed': {
    ...refused,
    sentence:
      'The file countersign.json of the artifact breaks a rule of its format. The message names the field and the rule.',
  },
  'release.manifest-version': {
    ...refused,
    sentence:
      'The file countersign.json of the artifact is written for another version of Countersign. Update Countersign.',
  },
  'release.target-malformed': {
    ...refused,
    sentence: 'The release is not described in the one form that is read.',
  },
  'release.unwritable': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A release was about to be described with a value that could not be read again.',
  },
} as const satisfies ErrorTable

/** Makes an error with a code of `releaseErrors`. */
export const releaseError = errorMaker(releaseErrors)
