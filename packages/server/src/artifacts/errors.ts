import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

const refused = { kind: 'refused', exit: 1 } as const

/** What can go wrong with artifacts, submissions and what validators tell. */
export const artifactsErrors = {
  'artifacts.token-missing': {
    ...refused,
    status: 401,
    sentence: 'The request carries no identity token. Log in, and send the token as a bearer token.',
  },
  'artifacts.unknown-artifact': {
    ...refused,
    status: 404,
    sentence: 'No artifact with this digest is stored here for the caller. Store it before it is submitted.',
  },
  'artifacts.no-space': {
    kind: 'unavailable',
    status: 507,
    exit: 2,
    sentence: 'The disk of the server has no room for this artifact. The operator has to make space.',
  },
  'artifacts.quota': {
    ...refused,
    status: 429,
    sentence: 'The artifacts that this person has stored are as many bytes as one person may store. Ask the operator.',
  },
  'artifacts.signature-wrong': {
    ...refused,
    status: 422,
    sentence: 'The signature does not verify for these bytes. `countersign verify` shows which step fails.',
  },
  'artifacts.certification-wrong': {
    ...refused,
    status: 422,
    sentence: 'A bundle that was told as certification, SBOM or findings does not verify as such. Nothing was stored.',
  },
  'artifacts.number-unknown': {
    ...refused,
    status: 422,
    sentence: 'This instance gave the certification number to nobody, or to another validator or artifact.',
  },
  'artifacts.validator-unknown': {
    ...refused,
    status: 404,
    sentence: 'The verification policy names no validator of this instance with this name.',
  },
  'artifacts.no-validator': {
    ...refused,
    status: 409,
    sentence:
      'The verification policy names no validator of this instance. The operator adds one with `validators add`.',
  },
  'artifacts.too-many-open': {
    ...refused,
    status: 429,
    sentence: 'So many submissions of this person are open that no more are taken. Wait for them.',
  },
  'artifacts.submission-unknown': {
    ...refused,
    status: 404,
    sentence: 'There is no submission of this number for the caller.',
  },
  'artifacts.state-passed': {
    ...refused,
    status: 409,
    sentence: 'The submission is past this state, which is never taken back.',
  },
  'artifacts.advisory-unknown': {
    ...refused,
    status: 404,
    sentence: 'No validator has told that an advisory of this name reaches anything here.',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const artifactsError = errorMaker(artifactsErrors)
