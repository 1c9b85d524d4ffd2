import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** How a run in the foreground can end, besides with the program's own exit code. */
export const runErrors = {
  'run.recalled': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'The program was stopped, because trust in it ended while it ran. The message says why.',
  },
} as const satisfies ErrorTable

/** Makes the errors of this folder. */
export const runError = errorMaker(runErrors)
