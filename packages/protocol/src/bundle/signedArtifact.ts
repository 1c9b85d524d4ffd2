import { hash, type KeyObject, verify } from 'node:crypto'
import type { HashName, KeyDetails } from '../log/keyDetails.ts'
import { bundleError } from './errors.ts'

/**
 * The artifact that a bundle is said to be for: `artifactBytes` where it is in memory, `artifactDigest` where only its
 * digest is. Two, because `node:crypto` verifies bytes and nothing else; what digests need costs three times as much and
 * has to be loaded first.
 */
export interface SignedArtifact {
  /** SHA-256, or the hash that `digestAlgorithm` names for the bundle. */
  readonly digest: Uint8Array
  /**
   * Proves that `key` signed the artifact, over the same hash as `digest`. `keyDetails` is the kind of the key; pure
   * Ed25519 and kinds that are not logged were refused before. Throws `bundle.signature-wrong`.
   */
  verifySignature(key: KeyObject, keyDetails: KeyDetails, signature: Uint8Array): void
}

/** An artifact that is in memory. `hashName`: what `digestAlgorithm` says of the bundle. */
export function artifactBytes(bytes: Uint8Array, hashName: HashName = 'sha256'): SignedArtifact {
  return {
    digest: hash(hashName, bytes, 'buffer'),
    verifySignature(key, _keyDetails, signature) {
      if (!verify(hashName, bytes, key, signature)) throw signatureWrong()
    },
  }
}

/** The error of both kinds of artifact. */
export function signatureWrong(cause?: unknown): Error {
  const message = 'the signature does not fit the artifact and the certificate'
  return bundleError('bundle.signature-wrong', message, { cause })
}
