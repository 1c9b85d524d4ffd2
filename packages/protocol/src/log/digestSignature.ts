import { constants, type KeyObject, publicDecrypt } from 'node:crypto'
import { CodedError } from '../errors/codedError.ts'
import { concatBytes, equalBytes } from '../json/base64.ts'
import { verifyEcdsaOverDigests } from './ecdsaOverDigest.ts'
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
export function verifyDigestSignature(claim: DigestSignature): void {
  const [refusal] = verifyDigestSignatures([claim])
  if (refusal !== undefined) throw refusal
}

/**
 * Verifies each of `claims` as `verifyDigestSignature` does. Gives, in their order, undefined for what is proved and for the
 * others the error that it would throw; a wrong claim says nothing about its neighbours. ECDSA signatures that are verified
 * together take two thirds of the time: docs/decisions/0002-ecdsa-over-a-digest.md. Throws nothing but what is broken here.
 */
export function verifyDigestSignatures(claims: readonly DigestSignature[]): (CodedError | undefined)[] {
  const refusals = claims.map(findMismatch)
  const fitting = [...claims.keys()].filter((i) => refusals[i] === undefined)
  const areValid = verifyFitting(fitting.map((i) => claims[i] as DigestSignature))
  for (const [at, i] of fitting.entries()) {
    if (areValid[at] !== true) {
      refusals[i] = logError('log.signature-wrong', 'the signature does not fit the key and the digest')
    }
  }
  return refusals
}

/** Why key, kind and digest do not belong together. */
function findMismatch({ key, keyDetails, digest }: DigestSignature): CodedError | undefined {
  try {
    const hashName = loggedHash(keyDetails)
    if (keyDetailsOf(key, 'PKIX_ED25519_PH') !== keyDetails) {
      return logError('log.key-mismatch', `the key is not of the kind ${keyDetails}`)
    }
    if (digest.length !== digestBytes(hashName)) return logError('log.digest-wrong', `the digest is not of ${hashName}`)
  } catch (error) {
    if (error instanceof CodedError) return error
    throw error
  }
  if (keyDetails !== 'PKIX_ED25519_PH') return undefined
  return logError('log.algorithm-unsupported', 'pre-hashed Ed25519 cannot be verified here')
}

function verifyFitting(claims: readonly DigestSignature[]): boolean[] {
  const ecdsa = verifyEcdsaOverDigests(claims.filter(({ key }) => key.asymmetricKeyType === 'ec')).values()
  return claims.map((claim) =>
    claim.key.asymmetricKeyType === 'ec' ? ecdsa.next().value === true : verifyRsaOverDigest(claim),
  )
}

function verifyRsaOverDigest({ key, keyDetails, digest, signature }: DigestSignature): boolean {
  if (signature.length * 8 !== key.asymmetricKeyDetails?.modulusLength) return false
  try {
    const encoded = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature)
    // The whole encoded message is compared, never parsed: RFC 8017, 8.2.2.
    return equalBytes(encoded, concatBytes(DIGEST_INFO[loggedHash(keyDetails)], digest))
  } catch {
    // Wrong padding is a wrong signature.
    return false
  }
}
