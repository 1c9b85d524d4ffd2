import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

/** What can go wrong in the authority, the timestamp authority, the revocation lists and the anchors. */
export const trustErrors = {
  'trust.token-missing': {
    kind: 'refused',
    status: 401,
    exit: 1,
    sentence: 'The request carries no identity token. Send it in credentials.oidcIdentityToken or as a bearer token.',
  },
  'trust.request-form': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'Send exactly one of publicKeyRequest and certificateSigningRequest, each well formed.',
  },
  'trust.key-unsupported': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'Keys of this kind are not certified. Use ECDSA P-256, P-384 or P-521, RSA 2048 to 4096, or Ed25519.',
  },
  'trust.key-weak': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'The key is known to be weak. Make a new one with a current program.',
  },
  'trust.possession-wrong': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'The proof of possession does not verify: it must be a signature by the key over the e-mail or subject.',
  },
  'trust.identity-reserved': {
    kind: 'refused',
    status: 403,
    exit: 1,
    sentence: 'This identity is reserved for the validators of this instance.',
  },
  'trust.validity-wrong': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'A certification ends in the future, at most 400 days from now, at a whole second of UTC.',
  },
  'trust.key-known': {
    kind: 'refused',
    status: 409,
    exit: 1,
    sentence: 'Another certification was issued to this key. Make a fresh key for each certification.',
  },
  'trust.artifact-blocked': {
    kind: 'refused',
    status: 409,
    exit: 1,
    sentence: 'A revocation record blocks these bytes for good, so they are not certified again.',
  },
  'trust.policy-missing': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'No verification policy is published. Restore the data folder from a backup.',
  },
  'trust.revocation-kind': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'A validator ends its own certifications by number. Ask approvers for everything else.',
  },
  'trust.certification-unknown': {
    kind: 'refused',
    status: 404,
    exit: 1,
    sentence: 'There is no certification of this number, or it is not the caller’s to end. Check authority and number.',
  },
  'trust.revocation-too-large': {
    kind: 'refused',
    status: 413,
    exit: 1,
    sentence: 'The record does not fit one entry of the log. Split its numbers over several records.',
  },
  'trust.request-unknown': {
    kind: 'refused',
    status: 404,
    exit: 1,
    sentence: 'There is no such revocation request. List the requests with countersign revoke --list.',
  },
  'trust.too-many-requests': {
    kind: 'refused',
    status: 429,
    exit: 1,
    sentence: 'Too many revocation requests wait for approvers. Approve some, then ask again.',
  },
  'trust.approver-name': {
    kind: 'refused',
    status: 409,
    exit: 1,
    sentence: 'The verification policy has another revoker of this name or key. Choose another name.',
  },
  'trust.revoker-known': {
    kind: 'refused',
    status: 409,
    exit: 1,
    sentence:
      'The verification policy names another revoker key of this validator. The operator replaces it with countersign-server policy set.',
  },
  'trust.too-many-followers': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence:
      'The server follows too many listeners of the revocation log. Read its checkpoint from time to time instead.',
  },
  'trust.issuer-expiring': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The issuing certificate ends too soon. The operator has to renew it.',
  },
  'trust.clock-unsound': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The clock of the server went back, so it stamps nothing. The operator has to set the clock.',
  },
  'trust.not-found': { kind: 'refused', status: 404, exit: 1, sentence: 'There is nothing at this address.' },
  'trust.not-created': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The roots or issuing certificates of this instance are missing. Restore the data folder from a backup.',
  },
  'trust.key-mismatch': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A stored key does not belong to its certificate. Restore the key folder from a backup.',
  },
  'trust.issuer-unknown': { kind: 'refused', status: 404, exit: 1, sentence: 'This instance has no such issuer.' },
  'trust.serial-wrong': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'A serial number is 1 to 20 bytes in lower-case hexadecimal.',
  },
  'trust.date-in-future': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'A revocation cannot count from a date in the future.',
  },
  'trust.crl-not-newer': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A revocation list would not be newer than the published one. Check the clock of the server.',
  },
  'trust.crl-lost-entry': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A revocation list would forget a revoked certificate. The database is older than what was published.',
  },
  'trust.crl-malformed': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A revocation list that was just made does not read back as intended. Nothing was published.',
  },
  'trust.log-unreadable': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The certificate log could not be compared with the database because a file of it is missing.',
  },
  'trust.anchors-missing': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'The TUF repository is missing or incomplete. Restore the data folder from a backup.',
  },
  'trust.anchors-wrong': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence:
      'TUF metadata on disk is not what the keys of this instance signed. Restore the data folder from a backup.',
  },
  'trust.target-name': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'A target name is made of letters, digits, dots, dashes, underscores and single slashes.',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const trustError = errorMaker(trustErrors)
