import { databaseError, type databaseErrors } from './errors.ts'

/** SQLite's primary result codes that mean something of their own here; anything else is a mistake in a statement. */
const CODES: Readonly<Record<number, keyof typeof databaseErrors>> = {
  5: 'database.busy',
  6: 'database.busy',
  8: 'database.misused',
  10: 'database.broken',
  11: 'database.broken',
  13: 'database.no-space',
  14: 'database.broken',
  19: 'database.constraint',
  26: 'database.broken',
}

/**
 * The coded error for a failure that SQLite reported; any other error comes back as it is.
 * The message holds SQLite's words, which name tables and columns but no values.
 */
export function sqliteFailure(error: unknown): unknown {
  if (!(error instanceof Error) || !('errcode' in error)) return error
  const code = CODES[Number(error.errcode) & 0xff]
  if (code === undefined) return error
  return databaseError(code, `SQLite: ${error.message}`, { cause: error })
}
