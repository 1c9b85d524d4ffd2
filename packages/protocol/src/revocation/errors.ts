import { type ErrorTable, errorMaker } from '../errors/codedError.ts'

const refused = { kind: 'refused', status: 422, exit: 1 } as const

/** What can be wrong with a record that would end trust. */
export const revocationErrors = {
  'revocation.record-unknown': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence:
      'The revocation record is of a version, scope or effect that this program does not know. Update Countersign.',
  },
  'revocation.record-malformed': {
    ...refused,
    status: 400,
    sentence: 'The revocation record breaks a rule of its format. The message names the field and the rule.',
  },
  'revocation.envelope-malformed': {
    ...refused,
    status: 400,
    sentence: 'The entry is not a signed revocation record in its one canonical form.',
  },
  'revocation.signature-wrong': {
    ...refused,
    sentence: 'A signature of the revocation record does not verify. Sign the exact bytes again.',
  },
  'revocation.unauthorised': {
    ...refused,
    status: 403,
    sentence: 'Nobody whom the verification policy names as a revoker signed the record. It has no effect.',
  },
  'revocation.scope-not-allowed': {
    ...refused,
    status: 403,
    sentence: 'The key that signed the record may not end trust of this kind. Ask someone whose key has this scope.',
  },
  'revocation.too-few-approvals': {
    ...refused,
    status: 403,
    sentence: 'Fewer approvers signed the record than the verification policy asks for. Get further approvals.',
  },
  'revocation.not-own-certifications': {
    ...refused,
    status: 403,
    sentence: 'A validator ends only certifications of its own issuing authority. Ask an approver for the others.',
  },
  'revocation.no-advisory': {
    ...refused,
    sentence: 'A validator ends certifications only for an advisory. Name its id in the record.',
  },
} as const satisfies ErrorTable

/** Makes the errors of this folder. */
export const revocationError = errorMaker(revocationErrors)
