import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What can go wrong with scheduled work, beside what the work itself reports. */
export const jobsErrors = {
  'jobs.misused': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The program set up its scheduled work wrongly.',
  },
  'jobs.unknown': {
    kind: 'refused',
    status: 404,
    exit: 1,
    sentence: 'There is no scheduled work of this name. The status lists all.',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const jobsError = errorMaker(jobsErrors)
