import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What the command line itself refuses. */
export const outputErrors = {
  'cli.usage': {
    kind: 'refused',
    status: 400,
    exit: 64,
    sentence: 'The command was not understood. Add --help to see how it is used.',
  },
  'cli.not-confirmed': {
    kind: 'refused',
    status: 409,
    exit: 1,
    sentence: 'Nothing was signed, because nobody confirmed what becomes public. Read it, then sign again with --yes.',
  },
  'cli.approval-not-confirmed': {
    kind: 'refused',
    status: 409,
    exit: 1,
    sentence:
      'Nothing was signed. Read what the request would end, then approve it again, with --yes where nobody can be asked.',
  },
  'cli.passphrase': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'The key needs its passphrase. Type it, or pass --passphrase-file with a file that only you can read.',
  },
  'cli.not-signed-in': {
    kind: 'refused',
    status: 401,
    exit: 1,
    sentence: 'Nobody is signed in to this instance on this machine. Run: countersign login',
  },
  'cli.sign-in-failed': {
    kind: 'refused',
    status: 401,
    exit: 1,
    sentence: 'Signing in did not succeed. Run countersign login again; if it goes on, ask for a new invitation.',
  },
  'cli.issuer-unreachable': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The identity issuer cannot be reached. Check the network, then try again.',
  },
  'cli.clock-wrong': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The clock of this machine is wrong, and signing in needs a right one. Set the clock and try again.',
  },
  'cli.other-identity': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'The signature is by another identity than the one asked for.',
  },
  'cli.own-result-wrong': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The finished signature does not verify, so it was not written. Report this to the operator.',
  },
  'cli.no-certifications': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The instance did not say which certifications it has. Try again, or pass the file with --certification.',
  },
  'cli.certification-missing': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The instance does not hand out the certification that it announced. Try again; then ask its operator.',
  },
  'cli.certification-wrong': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence:
      'The certification that was handed out does not verify, so it was not written. Report this to the operator.',
  },
  'cli.stopped': {
    kind: 'unavailable',
    status: 499,
    exit: 2,
    sentence: 'Stopped. What was written before is whole; nothing was written by halves.',
  },
} as const satisfies ErrorTable

/** Makes the errors of the command line. */
export const outputError = errorMaker(outputErrors)
