import { type ErrorTable, errorMaker } from '../errors/codedError.ts'

const refused = { kind: 'refused', status: 422, exit: 1 } as const

/** Codes of the statements that a validator signs, and of the certification that they make up. */
export const statementErrors = {
  'statement.predicate-unknown': {
    ...refused,
    sentence: 'The statement is of another kind than the one that is asked for here.',
  },
  'statement.malformed': {
    ...refused,
    sentence: 'The statement does not say what a statement of its kind must say, in the form in which it is read.',
  },
  'statement.subjects-wrong': {
    ...refused,
    sentence: 'The statement is not about exactly one artifact.',
  },
  'statement.resource-uri': {
    ...refused,
    sentence: 'The statement does not name one product and version in the form pkg:generic/<product>@<version>.',
  },
  'statement.not-passed': {
    ...refused,
    sentence: 'The statement does not say that the artifact passed. It certifies nothing.',
  },
  'statement.not-certification-authority': {
    ...refused,
    sentence:
      'The certificate of the certification was not issued by a certification authority. Ask a validator to certify the artifact.',
  },
  'statement.no-number': {
    ...refused,
    sentence: 'The certificate carries no certification number, so nothing could ever end this certification.',
  },
  'statement.digest-wrong': {
    ...refused,
    sentence: 'The certificate was issued for certifying another artifact than the one that the statement is about.',
  },
  'statement.validator-wrong': {
    ...refused,
    sentence:
      'The certificate and the statement do not name one validator of the instance that issued the certificate.',
  },
  'statement.unwritable': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A statement was about to be written with a value that could not be read again.',
  },
} as const satisfies ErrorTable

/** Makes an error with a code of `statementErrors`. */
export const statementError = errorMaker(statementErrors)
