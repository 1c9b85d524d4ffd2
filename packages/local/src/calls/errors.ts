import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What can go wrong with a call before the server has decided anything. Its own refusals keep its codes. */
export const callsErrors = {
  'calls.unreachable': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The server cannot be reached. Check the address, the network and that it runs, then try again.',
  },
  'calls.timeout': {
    kind: 'unavailable',
    status: 504,
    exit: 2,
    sentence: 'The server did not answer in time. Try again; a repeated call does no harm.',
  },
  'calls.untrusted-server': {
    kind: 'refused',
    status: 502,
    exit: 1,
    sentence: 'The server could not prove that it is the instance you trust. Nothing was sent. Check the address.',
  },
  'calls.bad-answer': {
    kind: 'unavailable',
    status: 502,
    exit: 2,
    sentence:
      'The server answered something that this program does not understand. Check that both have fitting versions.',
  },
  'calls.refused': {
    kind: 'refused',
    status: 502,
    exit: 1,
    sentence: 'The server refused. Its message says why.',
  },
} as const satisfies ErrorTable

/** Makes the errors of this folder. */
export const callsError = errorMaker(callsErrors)
