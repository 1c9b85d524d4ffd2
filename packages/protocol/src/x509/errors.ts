import { type CodedError, type ErrorTable, errorMaker } from '../errors/codedError.ts'

const bad = { kind: 'refused', status: 400, exit: 1 } as const

/** Codes of this folder: certificates, requests for them, lists of revoked ones, and certificate log promises. */
export const x509Errors = {
  'x509.malformed': { ...bad, sentence: 'The certificate does not have the structure of RFC 5280.' },
  'x509.bad-pem': { ...bad, sentence: 'The text does not hold the expected PEM blocks.' },
  'x509.algorithm-unsupported': { ...bad, sentence: 'The signature algorithm is not supported.' },
  'x509.key-unsupported': { ...bad, sentence: 'The public key is not of a supported kind or size.' },
  'x509.not-yet-valid': { ...bad, sentence: 'The certificate was not yet valid at the time that counts.' },
  'x509.expired': { ...bad, sentence: 'The certificate was no longer valid at the time that counts.' },
  'x509.untrusted': { ...bad, sentence: 'The certificate does not lead to a trusted root.' },
  'x509.too-many-issuers': {
    ...bad,
    sentence: 'More certificates could have issued this one than are tried; leave out those that are not needed.',
  },
  'x509.wrong-purpose': { ...bad, sentence: 'The certificate was not issued for this purpose.' },
  'x509.constraints': { ...bad, sentence: 'A certificate of the chain was not allowed to issue the next one.' },
  'x509.critical-extension': { ...bad, sentence: 'The certificate holds a critical extension that is not known here.' },
  'x509.signature-wrong': {
    ...bad,
    sentence: 'The signature on the certificate is wrong: it was changed or not issued by its issuer.',
  },
  'x509.no-identity': { ...bad, sentence: 'The certificate does not name exactly one identity and its issuer.' },
  'x509.sct-missing': { ...bad, sentence: 'The certificate carries no promise of a certificate log.' },
  'x509.sct-malformed': { ...bad, sentence: 'The promise of the certificate log (SCT) is malformed.' },
  'x509.sct-unknown-log': { ...bad, sentence: 'The promise (SCT) was made by another certificate log.' },
  'x509.sct-wrong': { ...bad, sentence: 'The promise of the certificate log (SCT) was made for other bytes.' },
  'x509.certification-extension': {
    ...bad,
    sentence: 'The certificate does not carry a certification number and digests in the one form that is read.',
  },
  'x509.request-malformed': { ...bad, sentence: 'The certificate request does not have the structure of RFC 2986.' },
  'x509.request-signature-wrong': { ...bad, sentence: 'The certificate request is not signed by its own key.' },
  'x509.certs-only-malformed': {
    ...bad,
    sentence: 'The message is not certificates only, in the form of RFC 5652.',
  },
  'x509.crl-malformed': { ...bad, sentence: 'The revocation list does not have the structure of RFC 5280.' },
  'x509.crl-wrong-issuer': { ...bad, sentence: 'The revocation list was made by another authority.' },
  'x509.crl-signature-wrong': { ...bad, sentence: 'The signature on the revocation list is wrong.' },
  'x509.profile': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A certificate that breaks the rules of its profile was about to be issued, and was not.',
  },
  'x509.unwritable': {
    kind: 'broken',
    status: 500,
    exit: 70,
    sentence: 'A certificate was about to be written with a value that it cannot hold.',
  },
} as const satisfies ErrorTable

/** Makes an error with a code of `x509Errors`. */
export const x509Error = errorMaker(x509Errors)

/** A reading error of DER inside a certificate, as this folder's own. For `translateDerErrors`. */
export function malformedCertificate(cause: CodedError): CodedError {
  return x509Error('x509.malformed', `the certificate is malformed: ${cause.message}`, { cause })
}
