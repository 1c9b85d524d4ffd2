import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What can stand against enrolling a device. */
export const enrolErrors = {
  'enrol.no-device-ticket': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence:
      'This ticket only gives trust; it names no device. Ask the operator for a device ticket: countersign-server devices ticket <name>',
  },
  'enrol.other-device': {
    kind: 'refused',
    status: 409,
    exit: 1,
    sentence: 'This folder belongs to another device already. Use another folder, or remove this one first.',
  },
} as const satisfies ErrorTable

/** Makes the errors of this folder. */
export const enrolError = errorMaker(enrolErrors)
