import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What can be wrong with what the logs of an instance tell over time. */
export const feedErrors = {
  'feed.rolled-back': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence:
      'A log offered an older checkpoint than before. What is known stays; if it goes on, ask the operator why.',
  },
  'feed.forked': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence:
      'A log signed two histories that cannot both be true. Do not rely on it; keep the evidence for its operator.',
  },
  'feed.tiles-wrong': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence:
      'The tiles of a log do not match its checkpoint, so nothing can be told. Try again, or from another network.',
  },
  'feed.unreachable': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'A log cannot be reached. Check the network, then try again.',
  },
  'feed.record-unknown': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The revocation log holds a record that this program cannot read. Update Countersign.',
  },
  'feed.incomplete': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'Not every record of the revocation log is on this machine yet. Connect to the instance and try again.',
  },
  'feed.push-wrong': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'What the instance pushed was no news of its revocation log. It was ignored; polling goes on.',
  },
  'feed.damaged': {
    kind: 'refused',
    status: 500,
    exit: 1,
    sentence: 'What this machine kept about a log cannot be read. Remove the file named in the message and try again.',
  },
} as const satisfies ErrorTable

/** Makes the errors of this folder. */
export const feedError = errorMaker(feedErrors)
