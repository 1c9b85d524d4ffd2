import { type ErrorTable, errorMaker } from '@countersign/protocol/errors/codedError.ts'

const refused = { kind: 'refused', exit: 1 } as const

/** What can go wrong with enrolment, devices, validators and releases. */
export const fleetErrors = {
  'fleet.secret-missing': {
    ...refused,
    status: 401,
    sentence: 'Enrolment takes the name and the secret of a ticket, as HTTP Basic user and password.',
  },
  'fleet.ticket-unknown': {
    ...refused,
    status: 403,
    sentence: 'No ticket has this name with this secret. Ask the operator for a ticket for this very name.',
  },
  'fleet.ticket-used': {
    ...refused,
    status: 403,
    sentence:
      'The ticket was used already, with another key. Ask the operator for a new one, and how that could happen.',
  },
  'fleet.ticket-expired': {
    ...refused,
    status: 403,
    sentence: 'The ticket has expired. Ask the operator for a new one.',
  },
  'fleet.request-malformed': {
    ...refused,
    status: 400,
    sentence: 'The request is not a base64 PKCS#10 certificate request signed by its own key.',
  },
  'fleet.key-unsupported': {
    ...refused,
    status: 400,
    sentence: 'Client keys are ECDSA P-256, P-384 or P-521, Ed25519, or RSA from 2048 bits on.',
  },
  'fleet.certificate-missing': {
    ...refused,
    status: 401,
    sentence: 'This operation takes a client certificate of this instance that has not expired. Enrol with a ticket.',
  },
  'fleet.certificate-unknown': {
    ...refused,
    status: 403,
    sentence: 'This instance has no record of the client certificate. Enrol again with a new ticket.',
  },
  'fleet.certificate-expired': {
    ...refused,
    status: 403,
    sentence: 'The client certificate has expired. Enrol again with a new ticket.',
  },
  'fleet.certificate-superseded': {
    ...refused,
    status: 403,
    sentence:
      'A newer certificate has taken the place of this one. If you hold no newer one, tell the operator at once.',
  },
  'fleet.removed': {
    ...refused,
    status: 403,
    sentence: 'The operator has removed the owner of this certificate. Nothing is served to it any more.',
  },
  'fleet.not-a-device': {
    ...refused,
    status: 403,
    sentence: 'Only devices may do this; this certificate is none of a device.',
  },
  'fleet.not-a-validator': {
    ...refused,
    status: 403,
    sentence: 'Only validators may do this; this certificate is none of a validator.',
  },
  'fleet.issuer-expiring': {
    kind: 'unavailable',
    status: 503,
    exit: 2,
    sentence: 'The authority for client certificates ends too soon. The operator has to renew it.',
  },
  'fleet.report-malformed': {
    ...refused,
    status: 400,
    sentence: 'The report is not what devices report. Check that agent and server have fitting versions.',
  },
  'fleet.report-signature-wrong': {
    ...refused,
    status: 403,
    sentence: 'The report is not signed by the key of the client certificate that brought it.',
  },
  'fleet.not-assigned': {
    ...refused,
    status: 403,
    sentence: 'This device is assigned no release that holds such a file.',
  },
  'fleet.device-unknown': {
    ...refused,
    status: 404,
    sentence: 'There is no device of this name. `countersign-server devices list` shows all.',
  },
  'fleet.device-state': {
    ...refused,
    status: 409,
    sentence: 'The device is not in a state in which this can be done. `countersign-server devices list` shows it.',
  },
  'fleet.validator-unknown': {
    ...refused,
    status: 404,
    sentence: 'There is no validator of this name. `countersign-server validators list` shows all.',
  },
  'fleet.validator-exists': {
    ...refused,
    status: 409,
    sentence: 'A validator of this name is enrolled. Remove it first, or choose another name.',
  },
  'fleet.validator-needed': {
    ...refused,
    status: 409,
    sentence:
      'The verification policy asks for as many validators as it names. Add another first, or set another policy.',
  },
  'fleet.artifact-unknown': {
    ...refused,
    status: 404,
    sentence: 'Nobody has submitted an artifact with this digest. Submit it and have it certified first.',
  },
  'fleet.not-certified': {
    ...refused,
    status: 409,
    sentence: 'The artifact lacks an active certification of a validator that the verification policy asks for.',
  },
  'fleet.certifications-disagree': {
    ...refused,
    status: 409,
    sentence: 'The certifications of this artifact name different products, versions or signatures.',
  },
  'fleet.version-released': {
    ...refused,
    status: 409,
    sentence: 'This version was released on this channel with other bytes. Give the new bytes a new version.',
  },
} as const satisfies ErrorTable

/** Makes an error of this folder. */
export const fleetError = errorMaker(fleetErrors)
