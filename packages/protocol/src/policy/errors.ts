import { type ErrorTable, errorMaker } from '../errors/codedError.ts'

/** What can be wrong with a policy file before anything is decided by it. */
export const policyErrors = {
  'policy.version-newer': {
    kind: 'unavailable',
    status: 409,
    exit: 2,
    sentence: 'The policy is written for a newer Countersign, so nothing can be told from it. Update Countersign.',
  },
  'policy.unknown-field': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'The policy has a field that its version does not know. Correct the spelling or remove the field.',
  },
  'policy.invalid': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'The policy breaks a rule of its format. The message names the field and the rule.',
  },
  'policy.development-anchors': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'A production policy must not name anchors of a development instance. Remove them.',
  },
} as const satisfies ErrorTable

/** Makes the errors of this folder. */
export const policyError = errorMaker(policyErrors)
