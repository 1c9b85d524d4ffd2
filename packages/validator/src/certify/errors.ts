import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

const refused = { kind: 'refused', status: 422, exit: 1 } as const

/** Why a submission is not certified, besides what its verdict says. */
export const certifyErrors = {
  'certify.signature-refused': {
    ...refused,
    sentence: 'The developer’s signature is not one that this instance trusts. Verify it with countersign verify.',
  },
  'certify.product-unknown': {
    ...refused,
    sentence: 'Nothing says which product and version this is. Submit it with --product and --version.',
  },
  'certify.product-mismatch': {
    ...refused,
    sentence: 'The manifest names another product or version than the submission. Submit it as what its manifest says.',
  },
  'certify.ended-before-use': {
    ...refused,
    sentence:
      'An advisory arrived while this was being certified and reaches it. Nothing of it is valid; fix it and submit again.',
  },
  'certify.statements-too-large': {
    ...refused,
    sentence: 'The statements about this artifact are larger than a bundle may be. Split the artifact.',
  },
  'certify.own-result-wrong': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A finished certification does not verify, so it was not handed out. Report this to the operator.',
  },
  'certify.authority-answer-wrong': {
    kind: 'unavailable',
    status: 502,
    exit: 2,
    sentence:
      'The instance answered something that does not fit what was asked. Check that both have fitting versions.',
  },
  'certify.not-asked': {
    ...refused,
    status: 409,
    sentence:
      'Nobody is asked about this submission. Those that wait are listed by: countersign-validator submissions list',
  },
  'certify.asked-anew': {
    ...refused,
    status: 409,
    sentence:
      'The advisories have moved on, and there is more to decide about than you were shown. Look at it again: countersign-validator submissions list',
  },
  'certify.unknown': {
    ...refused,
    status: 404,
    sentence: 'There is no such submission here. List them with: countersign-validator submissions list',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const certifyError = errorMaker(certifyErrors)
