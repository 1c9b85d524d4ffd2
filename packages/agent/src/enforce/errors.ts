import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

const refused = { kind: 'refused', status: 422, exit: 1 } as const

/** Why nothing is started. */
export const enforceErrors = {
  'enforce.files-changed': {
    ...refused,
    sentence: 'An installed file is not as the artifact has it. Nothing of it runs; the release is installed again.',
  },
  'enforce.refused': {
    ...refused,
    sentence: 'The verification policy does not let this run. The message names the first reason.',
  },
  'enforce.cannot-tell': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'It cannot be told whether this may run. Connect this device to its instance.',
  },
  'enforce.no-program': {
    ...refused,
    sentence: 'The program that the manifest names is no file of the artifact that can be executed.',
  },
  'enforce.not-started': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The system did not start the program. The message says why.',
  },
  'enforce.not-stopped': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A process is still there after it was killed. Restart the device.',
  },
} as const satisfies ErrorTable

/** Makes the errors of this folder. */
export const enforceError = errorMaker(enforceErrors)
