import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What can go wrong with kept private keys. */
export const keystoreErrors = {
  'keystore.bad-name': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'A key is named with up to 64 lower-case letters, digits and hyphens.',
  },
  'keystore.damaged': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A stored key was changed or damaged. Restore it from a backup.',
  },
  'keystore.exists': {
    kind: 'refused',
    status: 409,
    exit: 1,
    sentence: 'There is a key of this name already. Choose another name.',
  },
  'keystore.not-found': {
    kind: 'refused',
    status: 404,
    exit: 1,
    sentence: 'There is no key of this name in this key store.',
  },
  'keystore.wrong-key': {
    kind: 'refused',
    status: 403,
    exit: 1,
    sentence: 'The key file or passphrase does not open this key. Use the one it was made with.',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const keystoreError = errorMaker(keystoreErrors)
