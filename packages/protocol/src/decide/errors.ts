import type { ErrorTable } from '../errors/codedError.ts'

const no = { kind: 'refused', status: 422, exit: 1 } as const
const cannotTell = { kind: 'unavailable', status: 503, exit: 2 } as const

/** Why a policy does not say yes. The codes stand on the checks of a decision; deciding itself throws nothing. */
export const decideErrors = {
  'decide.bundle-unverified': {
    ...cannotTell,
    sentence: 'The signature could not be verified completely, because something it needs is missing.',
  },
  'decide.development-anchors': {
    ...no,
    sentence:
      'A production policy does not trust what a development instance issued. Sign with the production instance.',
  },
  'decide.anchor-not-named': {
    ...no,
    sentence: 'The policy names other anchors than the one this was verified with. Use the anchors of that instance.',
  },
  'decide.identity-not-trusted': {
    ...no,
    sentence: 'The signer is not among the identities that the policy trusts.',
  },
  'decide.product-unknown': {
    ...cannotTell,
    sentence: 'The policy trusts the signer only for some products, and which product this is, is not known.',
  },
  'decide.not-certified': {
    ...no,
    sentence: 'Fewer validators certified this than the policy asks for. Submit it to a validator.',
  },
  'decide.certification-ended': {
    ...no,
    sentence: 'A certification that the policy asks for was ended by an authorised revocation. Use what replaces it.',
  },
  'decide.certification-expired': {
    ...no,
    sentence: 'A certification that the policy asks for has run out. Submit the artifact to a validator again.',
  },
  'decide.other-product': {
    ...no,
    sentence: 'The certification is for another product or version than the one that is asked for.',
  },
  'decide.certification-as-signature': {
    ...no,
    sentence: "A validator's certification stands in the place of the developer's signature. Pass the signature.",
  },
  'decide.ended': { ...no, sentence: 'Trust in this has been ended by an authorised revocation.' },
  'decide.endings-unknown': {
    ...cannotTell,
    sentence: 'Nothing is known about revocations. Connect once to the instance, then try again.',
  },
  'decide.stale': {
    ...cannotTell,
    sentence: 'The newest word on revocations is older than the policy allows. Connect to the instance and try again.',
  },
  'decide.clock-wrong': {
    ...cannotTell,
    sentence: 'The clock of this machine is wrong, so nothing can be told about time. Set the clock and try again.',
  },
  'decide.anchors-expired': {
    ...cannotTell,
    sentence: 'The anchors of the instance have expired. Connect to the instance so that they renew.',
  },
} as const satisfies ErrorTable

/** One code of this folder. */
export type DecideCode = keyof typeof decideErrors
