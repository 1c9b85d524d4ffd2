import { type ErrorTable, errorMaker } from '../errors/codedError.ts'

const bad = { kind: 'refused', status: 400, exit: 1 } as const

/** Codes of this folder: bytes that should be DER (ITU-T X.690). */
export const derErrors = {
  'der.too-large': { ...bad, sentence: 'The ASN.1 structure is larger than what is accepted here.' },
  'der.too-deep': { ...bad, sentence: 'The ASN.1 structure is nested too deeply.' },
  'der.too-many-nodes': { ...bad, sentence: 'The ASN.1 structure has too many parts.' },
  'der.truncated': { ...bad, sentence: 'The ASN.1 structure ends before its announced length.' },
  'der.trailing-bytes': { ...bad, sentence: 'Bytes follow the end of the ASN.1 structure.' },
  'der.bad-length': { ...bad, sentence: 'A length in the ASN.1 structure is not in the one form DER allows.' },
  'der.bad-tag': { ...bad, sentence: 'The ASN.1 structure holds a tag that is not used here or not allowed in DER.' },
  'der.bad-value': { ...bad, sentence: 'A value in the ASN.1 structure is not in the one form DER allows.' },
  'der.unsorted-set': { ...bad, sentence: 'A set in the ASN.1 structure is not in the order that DER demands.' },
  'der.unexpected': { ...bad, sentence: 'The ASN.1 structure does not have the expected parts.' },
  'der.unwritable': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A value that its ASN.1 type cannot express was about to be written.',
  },
} as const satisfies ErrorTable

/** Makes an error with a code of `derErrors`. */
export const derError = errorMaker(derErrors)
