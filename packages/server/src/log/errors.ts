import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What can go wrong while a log is kept. What can go wrong with its formats is in `protocol/log/errors.ts`. */
export const logKeepingErrors = {
  'log.busy': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The log has more entries waiting than it takes on. Try again in a moment.',
  },
  'log.closed': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The log is closing. Try again shortly.',
  },
  'log.not-stored': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The entry was not logged. Send it again: an entry is never logged twice.',
  },
  'log.not-found': {
    kind: 'refused',
    status: 404,
    exit: 1,
    sentence: 'The log has no such file. A partial tile may be gone once its full tile exists: ask for that.',
  },
  'log.clock-behind': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: "The server's clock is behind the newest checkpoint of its log. Set the clock, then start again.",
  },
  'log.full': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The log holds as many entries as it can. A new log has to be started.',
  },
  'log.stopped': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The log stopped because it could not be sure what is on disk. Restart the server: that repairs it.',
  },
  'log.lost-race': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'Another process wrote to the same log. Stop one of the two.',
  },
  'log.forked': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence:
      'The published checkpoint and the database disagree about the same entries. Do not go on; find out which is from elsewhere.',
  },
  'log.published-newer': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence:
      'More entries are published than the database knows: it was put back to an older state. Restore the newest database.',
  },
  'log.database-missing': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'Files of this log exist, but the database does not know it. Restore the database that belongs to them.',
  },
  'log.files-missing': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'Files of the log are missing. Check that the right volume is mounted, or restore them.',
  },
  'log.files-wrong': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'Files of the log do not lead to the root in the database. Restore them from a mirror or a backup.',
  },
  'log.keys-missing': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The database does not know every entry of the log. Restore the database.',
  },
} as const satisfies ErrorTable

/** Makes an error with a code of `logKeepingErrors`. */
export const logKeepingError = errorMaker(logKeepingErrors)
