import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

const refused = { kind: 'refused', exit: 1 } as const

/** What can go wrong between a socket and an operation. */
export const httpErrors = {
  'http.address-in-use': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'Another process listens on this address. Stop it, or choose another port.',
  },
  'http.bad-request': { ...refused, status: 400, sentence: 'The request is not valid HTTP.' },
  'http.cannot-listen': {
    ...refused,
    status: 500,
    sentence: 'This process may not listen on this address. Choose another address or port.',
  },
  'http.certificate-missing': {
    ...refused,
    status: 401,
    sentence: 'This operation takes a client certificate of this instance that has not expired. Enrol with a ticket.',
  },
  'http.headers-too-large': { ...refused, status: 431, sentence: 'The request headers are too large.' },
  'http.internal': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The server failed. It has logged the reason.',
  },
  'http.invalid-body': { ...refused, status: 400, sentence: 'The request body is not what this operation takes.' },
  'http.invalid-parameter': { ...refused, status: 400, sentence: 'A parameter of the address is not valid.' },
  'http.not-found': { ...refused, status: 404, sentence: 'There is nothing at this address.' },
  'http.reply-wrong': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The server made an answer that its own description forbids.',
  },
  'http.too-large': { ...refused, status: 413, sentence: 'The request body is larger than this operation takes.' },
  'http.too-slow': { ...refused, status: 408, sentence: 'The request did not arrive in time.' },
  'http.unsupported-media-type': {
    ...refused,
    status: 415,
    sentence: 'The request body has a media type that this operation does not take.',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const httpError = errorMaker(httpErrors)
