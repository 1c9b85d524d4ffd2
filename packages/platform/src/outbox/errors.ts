import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What can go wrong with work that is done after a commit. */
export const outboxErrors = {
  'outbox.misused': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The program set up its background work wrongly.',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const outboxError = errorMaker(outboxErrors)
