import { type ErrorTable, errorMaker } from '../errors/codedError.ts'

const bad = { kind: 'refused', status: 400, exit: 1 } as const

/** Codes of this folder: requests for timestamps and what is wrong with timestamps. */
export const timestampErrors = {
  'timestamp.bad-request': { ...bad, sentence: 'The timestamp request does not have the structure of RFC 3161.' },
  'timestamp.bad-algorithm': { ...bad, sentence: 'Timestamps are made over SHA-256, SHA-384 or SHA-512 digests only.' },
  'timestamp.bad-digest': { ...bad, sentence: 'The digest in the timestamp request has the wrong length.' },
  'timestamp.unaccepted-policy': { ...bad, sentence: 'The timestamp policy that was asked for is not offered here.' },
  'timestamp.unaccepted-extension': { ...bad, sentence: 'Extensions in timestamp requests are not supported.' },
  'timestamp.refused': { ...bad, sentence: 'The timestamp authority answered with a refusal instead of a timestamp.' },
  'timestamp.malformed': { ...bad, sentence: 'The timestamp does not have the structure of RFC 3161.' },
  'timestamp.unknown-authority': { ...bad, sentence: 'The timestamp was not made by a trusted timestamp authority.' },
  'timestamp.signature-wrong': {
    ...bad,
    sentence: 'The signature on the timestamp is wrong: it was changed or made by another key.',
  },
  'timestamp.wrong-imprint': { ...bad, sentence: 'The timestamp was made for other bytes.' },
  'timestamp.outside-validity': {
    ...bad,
    sentence: 'The timestamp lies outside the time in which its authority is trusted.',
  },
  'timestamp.chain-wrong': {
    ...bad,
    sentence: 'The certificates of the timestamp authority do not form a valid chain at the time of the timestamp.',
  },
} as const satisfies ErrorTable

/** Makes an error with a code of `timestampErrors`. */
export const timestampError = errorMaker(timestampErrors)
