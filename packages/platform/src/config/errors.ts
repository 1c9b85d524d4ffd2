import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

const refused = { kind: 'refused', status: 500, exit: 1 } as const

/** What can be wrong with how a program was started. */
export const configErrors = {
  'config.key-file-invalid': { ...refused, sentence: 'A key file holds exactly 32 random bytes.' },
  'config.key-file-readable': {
    ...refused,
    sentence: 'The file holds a secret and others may read it. Make it readable for its owner only (chmod 600).',
  },
  'config.passphrase-invalid': {
    ...refused,
    sentence: 'A passphrase file holds one line of text, 1 to 1024 bytes.',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const configError = errorMaker(configErrors)
