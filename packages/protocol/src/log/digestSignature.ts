import { constants, type KeyObject, publicDecrypt } from 'node:crypto'
import { concatBytes, equalBytes } from '../json/base64.ts'
import { verifyEcdsaOverDigest } from './ecdsaOverDigest.ts'
import { logError } from './errors.ts'
import { digestBytes, type HashName, type KeyDetails, keyDetailsOf, loggedHash } from './keyDetails.ts'

/** A signature of which only the digest of the signed bytes is known. */
export interface DigestSignature {
  readonly key: KeyObject
  /** Claimed kind of the key; it fixes the hash. */
  readonly keyDetails: KeyDetails
  readonly digest: Uint8Array
  /** ECDSA in DER, or PKCS #1 v1.5. */
  readonly signature: Uint8Array
}

// DER of DigestInfo up to the digest. RFC 8017, 9.2, note 1.
const DIGEST_INFO: Readonly<Record<HashName, Uint8Array>> = {
  sha256: Uint8Array.fromHex('3031300d060960864801650304020105000420'),
  sha384: Uint8Array.fromHex('3041300d060960864801650304020205000430'),
  sha512: Uint8Array.fromHex('3051300d060960864801650304020305000440'),
}

/**
 * Proves that `key` signed the bytes with this digest, without the bytes. Takes ECDSA on P-256, P-384 and P-521 with
 * the hash of the same strength, and RSA PKCS #1 v1.5 of 2048, 3072 and 4096 bits with SHA-256.
 * Throws `log.algorithm-unsupported` for other kinds (Ed25519ph too: `node:crypto` cannot verify it),
 * `log.key-mismatch` where the key is of another kind than claimed, `log.digest-wrong` for a digest of another length,
 * `log.signature-wrong` where the signature does not verify.
 */
export function verifyDigestSignature({ key, keyDetails, digest, signature }: DigestSignature): void {
  const hashName = loggedHash(keyDetails)
  if (keyDetailsOf(key, 'PKIX_ED25519_PH') !== keyDetails) {
    throw logError('log.key-mismatch', `the key is not of the kind ${keyDetails}`)
  }
  if (digest.length !== digestBytes(hashName)) throw logError('log.digest-wrong', `the digest is not of ${hashName}`)
  if (keyDetails === 'PKIX_ED25519_PH') {
    throw logError('log.algorithm-unsupported', 'pre-hashed Ed25519 cannot be verified here')
  }
  const isValid =
    key.asymmetricKeyType === 'ec'
      ? verifyEcdsaOverDigest(key, digest, signature)
      : verifyRsaOverDigest(key, hashName, digest, signature)
  if (!isValid) throw logError('log.signature-wrong', 'the signature does not fit the key and the digest')
}

function verifyRsaOverDigest(key: KeyObject, hashName: HashName, digest: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length * 8 !== key.asymmetricKeyDetails?.modulusLength) return false
  try {
    const encoded = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature)
    // The whole encoded message is compared, never parsed: RFC 8017, 8.2.2.
    return equalBytes(encoded, concatBytes(DIGEST_INFO[hashName], digest))
  } catch {
    // Wrong padding is a wrong signature.
    return false
  }
}
