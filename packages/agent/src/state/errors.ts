import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What can be wrong with what a device remembers. */
export const stateErrors = {
  'state.not-enrolled': {
    kind: 'refused',
    status: 409,
    exit: 1,
    sentence:
      'This device is not enrolled. Ask the operator for a device ticket and run: countersign-agent enrol --ticket-file <file>',
  },
  'state.damaged': {
    kind: 'refused',
    status: 500,
    exit: 1,
    sentence:
      'What this device remembers cannot be read. Remove the file named in the message: nothing then starts before one fresh checkpoint.',
  },
  'state.went-back': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence:
      'The anchors on this device are older than the ones it had. They were changed or restored; enrol the device again with a new ticket.',
  },
} as const satisfies ErrorTable

/** Makes the errors of this folder. */
export const stateError = errorMaker(stateErrors)
