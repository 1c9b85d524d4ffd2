import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What can go wrong with the trust that is installed on this machine. */
export const anchorsErrors = {
  'anchors.none': {
    kind: 'refused',
    status: 409,
    exit: 1,
    sentence:
      'No instance is trusted on this machine yet. Ask its operator for a ticket and run: countersign trust add <ticket>',
  },
  'anchors.unknown': {
    kind: 'refused',
    status: 404,
    exit: 1,
    sentence: 'No such instance is trusted on this machine. List them with: countersign trust list',
  },
  'anchors.ambiguous': {
    kind: 'refused',
    status: 409,
    exit: 64,
    sentence: 'Several instances are trusted on this machine. Name the one you mean with --instance.',
  },
  'anchors.root-mismatch': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence:
      'The server has another root than the ticket names. Do not trust it; ask the operator for a ticket of this server.',
  },
  'anchors.environment-mismatch': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'The ticket and the server name different environments. Ask the operator for a new ticket.',
  },
  'anchors.tampered': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence:
      'Trust metadata was changed on its way or on this machine. Nothing of it was taken; what was trusted stays.',
  },
  'anchors.rolled-back': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'The server offered older trust metadata than it gave before. Nothing of it was taken.',
  },
  'anchors.expired': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The trust metadata of the server has expired. Check this clock; then its operator has to renew it.',
  },
  'anchors.unreachable': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The server cannot be reached. Check the address and the network, then try again.',
  },
} as const satisfies ErrorTable

/** Makes the errors of this folder. */
export const anchorsError = errorMaker(anchorsErrors)
