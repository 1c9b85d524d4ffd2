import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What can go wrong with stored objects, beside what their back end reports (`files.*`). */
export const blobsErrors = {
  'blobs.bad-key': {
    kind: 'refused',
    status: 404,
    exit: 1,
    sentence: 'There can be no object of this name.',
  },
  'blobs.conflict': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'An object that may be written only once exists with other content.',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const blobsError = errorMaker(blobsErrors)
