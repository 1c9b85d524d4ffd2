import { type ErrorTable, errorMaker } from '../errors/codedError.ts'

const bad = { kind: 'refused', status: 400, exit: 1 } as const

/** Codes of this folder: text, JSON and encoded bytes from outside. */
export const jsonErrors = {
  'json.too-large': { ...bad, status: 413, sentence: 'The JSON document is larger than what is accepted here.' },
  'json.too-deep': { ...bad, sentence: 'The JSON document is nested too deeply.' },
  'json.bad-text': { ...bad, sentence: 'The text is not valid Unicode (UTF-8 without unpaired surrogates).' },
  'json.syntax': { ...bad, sentence: 'The document is not valid JSON.' },
  'json.duplicate-key': { ...bad, sentence: 'An object of the JSON document holds the same key twice.' },
  'json.number-out-of-range': {
    ...bad,
    sentence: 'A number of the JSON document cannot be represented exactly; write large integers as strings.',
  },
  'json.not-json': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A value that JSON cannot express was about to be written as JSON.',
  },
  'json.bad-base64': { ...bad, sentence: 'A value is not standard base64 with padding.' },
  'json.bad-hex': { ...bad, sentence: 'A value is not lower-case hexadecimal with an even number of digits.' },
} as const satisfies ErrorTable

/** Makes an error with a code of `jsonErrors`. */
export const jsonError = errorMaker(jsonErrors)
