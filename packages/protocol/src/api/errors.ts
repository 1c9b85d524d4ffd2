import { type ErrorTable, errorMaker } from '../errors/codedError.ts'

/** What can be wrong with a ticket, the string that first trust comes by. */
export const apiErrors = {
  'ticket.malformed': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'This is not a ticket, or not a whole one. Copy the line that begins with countersign1. again.',
  },
  'ticket.expired': {
    kind: 'refused',
    status: 410,
    exit: 1,
    sentence: 'The ticket has expired. Ask the operator of the instance for a new one.',
  },
} as const satisfies ErrorTable

/** Makes the errors of this folder. */
export const apiError = errorMaker(apiErrors)
