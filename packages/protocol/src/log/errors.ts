import { type ErrorTable, errorMaker } from '../errors/codedError.ts'

/** Codes of transparency logs: hashes, tiles, proofs, notes, checkpoints and the entries of the logs. */
export const logErrors = {
  'log.proof-wrong': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence:
      'The proof does not lead to the root of the log. Fetch the proof again; if it stays wrong, do not trust the log.',
  },
  'log.range-wrong': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'The leaf index or tree size lies outside the tree. Ask again with an index below the tree size.',
  },
  'log.tile-wrong': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'A tile of the log does not have the length that its width asks for. Fetch it again.',
  },
  'log.path-wrong': {
    kind: 'refused',
    status: 404,
    exit: 1,
    sentence: 'This is not the path of a tile or an entry bundle. Paths follow C2SP tlog-tiles.',
  },
  'log.entry-bundle-wrong': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'The entry bundle is not a sequence of length-prefixed entries of the expected number. Fetch it again.',
  },
  'log.entry-too-large': {
    kind: 'refused',
    status: 413,
    exit: 1,
    sentence: 'An entry of a log has at most 65,535 bytes. Log the digest of the data, not the data.',
  },
  'log.key-malformed': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'The note key is not of the form name+id+key, or its id does not belong to the key. Copy it again.',
  },
  'log.key-unsupported': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'The note key is of a type that cannot be used here.',
  },
  'log.note-malformed': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'The signed note does not follow C2SP signed-note. Fetch it again.',
  },
  'log.note-unsigned': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'No signature line of the note belongs to a trusted key.',
  },
  'log.note-signature-wrong': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'A signature line that names a trusted key does not verify. Do not trust this note.',
  },
  'log.checkpoint-malformed': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'The checkpoint does not follow C2SP tlog-checkpoint. Fetch it again.',
  },
  'log.origin-wrong': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'The checkpoint is of another log than the trusted key. Check which log it came from.',
  },
  'log.signature-wrong': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence:
      'The signature does not fit the key and the digest. Sign the same bytes again with the key that you send.',
  },
  'log.digest-wrong': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'The digest does not have the length of the hash that the kind of key asks for.',
  },
  'log.key-mismatch': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'The key is of another kind than the request says. Name the kind of the key that you send.',
  },
  'log.algorithm-unsupported': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence:
      'Signatures of this kind cannot be verified from a digest, or not here. Use ECDSA on P-256, P-384 or P-521, or RSA PKCS #1 v1.5.',
  },
  'log.verifier-malformed': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'The certificate or public key is not one DER document.',
  },
  'log.request-malformed': {
    kind: 'refused',
    status: 400,
    exit: 1,
    sentence: 'The request to log an entry is not of the form of Rekor v2; unknown fields are refused.',
  },
  'log.entry-malformed': {
    kind: 'refused',
    status: 422,
    exit: 1,
    sentence: 'The log entry is not in its canonical form.',
  },
} as const satisfies ErrorTable

/** Makes an error with a code of `logErrors`. */
export const logError = errorMaker(logErrors)
