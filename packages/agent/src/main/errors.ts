import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What the command line of the agent itself refuses. */
export const mainErrors = {
  'agent.usage': {
    kind: 'refused',
    status: 400,
    exit: 64,
    sentence: 'The command was not understood. Add --help to see how it is used.',
  },
} as const satisfies ErrorTable

/** Makes the errors of this folder. */
export const mainError = errorMaker(mainErrors)
