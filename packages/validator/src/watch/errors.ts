import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

const refused = { kind: 'refused', exit: 1 } as const

/** What the watch refuses: pushed advisories, and held changes that are not there. */
export const watchErrors = {
  'watch.signature-wrong': {
    ...refused,
    status: 401,
    sentence:
      'The advisories are not signed with this validator’s secret. Send x-countersign-signature: sha256=<hex HMAC-SHA256 of the body>.',
  },
  'watch.advisories-malformed': {
    ...refused,
    status: 400,
    sentence: 'The body is one OSV record as JSON, or an array of at most 1000 of them.',
  },
  'watch.webhook-secret-short': {
    ...refused,
    status: 400,
    exit: 64,
    sentence: 'The secret of the webhook has at least 16 characters. Make one: openssl rand -hex 32',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const watchError = errorMaker(watchErrors)
