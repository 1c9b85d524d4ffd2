import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What can go wrong with the database. */
export const databaseErrors = {
  'database.broken': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The database could not confirm a write or is damaged. Check the disk, then restart.',
  },
  'database.busy': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The database is in use by another process. Try again.',
  },
  'database.closed': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The server is stopping. Try again shortly.',
  },
  'database.constraint': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'This change met another one that it cannot stand beside. Try again.',
  },
  'database.misused': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The program used its database in a way that cannot work.',
  },
  'database.newer': {
    kind: 'refused',
    status: 500,
    exit: 1,
    sentence: 'The database was written by a newer version of this program. Install that version.',
  },
  'database.no-space': {
    kind: 'unavailable',
    status: 507,
    exit: 2,
    sentence: 'The disk is full. Make space and try again.',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const databaseError = errorMaker(databaseErrors)
