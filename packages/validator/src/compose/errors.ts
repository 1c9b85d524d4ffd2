import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

const refused = { kind: 'refused', status: 409, exit: 1 } as const

/** What can go wrong when a validator is created, opened or asked how it is. */
export const composeErrors = {
  'validator.not-enrolled': {
    ...refused,
    sentence:
      'This folder holds no enrolled validator. Ask the instance’s operator for a ticket and pass it with --ticket-file.',
  },
  'validator.ticket-unfit': {
    ...refused,
    status: 422,
    sentence: 'The ticket does not enrol a validator. Ask for one: countersign-server validators add <name>',
  },
  'validator.other-instance': {
    ...refused,
    sentence: 'This folder belongs to a validator of another instance or name. Use another folder for this ticket.',
  },
  'validator.unprotected': {
    ...refused,
    status: 500,
    sentence:
      'Nothing confines the inspector here, and a production validator does not inspect strangers’ files unconfined. Allow user namespaces, or pass --allow-unprotected.',
  },
  'validator.key-file-missing': {
    ...refused,
    status: 400,
    sentence:
      'The file with the 32-byte key that encrypts this validator’s keys is not where it should be. Pass --key-file, or give it as the systemd credential `countersign-validator-key`.',
  },
  'validator.key-file-inside': {
    ...refused,
    status: 400,
    sentence: 'A key file inside the data folder would be copied with it. Put it outside and pass it with --key-file.',
  },
  'validator.path-too-long': {
    ...refused,
    status: 400,
    exit: 64,
    sentence: 'The path of the data folder is too long for a local socket. Choose a shorter one.',
  },
  'validator.listen-invalid': {
    ...refused,
    status: 400,
    exit: 64,
    sentence: 'The socket of the webhook is given as host:port, and it needs --webhook-secret-file.',
  },
  'validator.not-running': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'No validator runs on this folder. Start it with: countersign-validator serve --data <folder>',
  },
  'validator.identity-damaged': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence:
      'The file with this validator’s client key cannot be read. Remove the validator at the instance and add it again.',
  },
  'validator.answer-invalid': {
    ...refused,
    status: 400,
    exit: 64,
    sentence: 'A submission is decided by one of two words: certify, refuse.',
  },
  'validator.supervisor-unfit': {
    ...refused,
    status: 400,
    exit: 64,
    sentence: 'The option --supervised is for the server that starts this validator. Leave it out.',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const composeError = errorMaker(composeErrors)
