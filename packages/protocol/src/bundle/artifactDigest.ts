import { hasCode } from '../errors/codedError.ts'
import { verifyDigestSignature } from '../log/digestSignature.ts'
import { type SignedArtifact, signatureWrong } from './signedArtifact.ts'

/** An artifact of which only the digest is known, by the hash that `digestAlgorithm` names for the bundle. */
export function artifactDigest(digest: Uint8Array): SignedArtifact {
  return {
    digest,
    verifySignature(key, keyDetails, signature) {
      try {
        verifyDigestSignature({ key, keyDetails, digest, signature })
      } catch (cause) {
        if (!hasCode(cause, 'log.signature-wrong')) throw cause
        throw signatureWrong(cause)
      }
    },
  }
}
