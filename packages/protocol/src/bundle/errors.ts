import { type ErrorTable, errorMaker } from '../errors/codedError.ts'

const refused = { kind: 'refused', status: 422, exit: 1 } as const

/** Codes of signature bundles and of the trusted roots and signing configurations around them. */
export const bundleErrors = {
  'bundle.malformed': {
    ...refused,
    sentence: 'The bundle is not a Sigstore bundle v0.3 or v0.2 as this program reads it.',
  },
  'bundle.media-type': {
    ...refused,
    sentence:
      'The bundle is of another version; only Sigstore bundles v0.3 and v0.2 are supported. Sign again with a newer client.',
  },
  'bundle.no-certificate': {
    ...refused,
    sentence:
      'The bundle names no signing certificate where its version has it; signatures by bare keys are not supported.',
  },
  'bundle.digest-wrong': {
    ...refused,
    sentence: 'The signature is for other bytes: the artifact was changed, or the bundle belongs to another one.',
  },
  'bundle.digest-algorithm': {
    ...refused,
    sentence: 'The bundle signs a digest of another hash function than the digest given.',
  },
  'bundle.statement-malformed': {
    ...refused,
    sentence: 'The signed statement is not an in-toto statement with subjects.',
  },
  'bundle.no-timestamp': {
    ...refused,
    sentence:
      'The bundle holds no timestamp, so nothing says when the signature was made. Sign again with a timestamp.',
  },
  'bundle.sct-untrusted': {
    ...refused,
    sentence: 'No trusted certificate log promised to hold the signing certificate.',
  },
  'bundle.no-entry': { ...refused, sentence: 'The bundle holds no log entry. Sign again and log the signature.' },
  'bundle.entry-version': {
    ...refused,
    sentence: 'The log entry is of Rekor v1 or another kind; only hashedrekord 0.0.2 of Rekor v2 is supported.',
  },
  'bundle.entry-mismatch': {
    ...refused,
    sentence: 'The log entry is for another signature, certificate or digest than the bundle.',
  },
  'bundle.no-proof': { ...refused, sentence: 'The log entry holds no inclusion proof with a checkpoint.' },
  'bundle.checkpoint-mismatch': {
    ...refused,
    sentence: 'The inclusion proof is for another tree than the checkpoint beside it.',
  },
  'bundle.log-untrusted': {
    ...refused,
    sentence: 'The log entry is from a log that is not trusted, or was not at the time of the signature.',
  },
  'bundle.signature-wrong': {
    ...refused,
    sentence: 'The signature was not made over this artifact by the key of the certificate.',
  },
  'bundle.algorithm-unsupported': {
    ...refused,
    sentence: 'Signatures of this kind cannot be verified from the digest of the artifact.',
  },
  'bundle.trusted-root-malformed': {
    ...refused,
    sentence: 'The trusted root is not of the form v0.1 as this program reads it.',
  },
  'bundle.signing-config-malformed': {
    ...refused,
    sentence: 'The signing configuration is not of the form v0.2 as this program reads it.',
  },
} as const satisfies ErrorTable

/** Makes an error with a code of `bundleErrors`. */
export const bundleError = errorMaker(bundleErrors)
