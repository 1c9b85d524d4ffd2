import type { KeyObject } from 'node:crypto'
import { logError } from './errors.ts'

/** Hash functions of signatures, as `node:crypto` names them. */
export type HashName = 'sha256' | 'sha384' | 'sha512'

/** Sigstore's names of key kinds with their numbers (`dev.sigstore.common.v1.PublicKeyDetails`). */
export const PUBLIC_KEY_DETAILS = {
  PUBLIC_KEY_DETAILS_UNSPECIFIED: 0,
  PKCS1_RSA_PKCS1V5: 1,
  PKCS1_RSA_PSS: 2,
  PKIX_RSA_PKCS1V5: 3,
  PKIX_RSA_PSS: 4,
  PKIX_ECDSA_P256_SHA_256: 5,
  PKIX_ECDSA_P256_HMAC_SHA_256: 6,
  PKIX_ED25519: 7,
  PKIX_ED25519_PH: 8,
  PKIX_RSA_PKCS1V15_2048_SHA256: 9,
  PKIX_RSA_PKCS1V15_3072_SHA256: 10,
  PKIX_RSA_PKCS1V15_4096_SHA256: 11,
  PKIX_ECDSA_P384_SHA_384: 12,
  PKIX_ECDSA_P521_SHA_512: 13,
  LMS_SHA256: 14,
  LMOTS_SHA256: 15,
  PKIX_RSA_PSS_2048_SHA256: 16,
  PKIX_RSA_PSS_3072_SHA256: 17,
  PKIX_RSA_PSS_4096_SHA256: 18,
  PKIX_ECDSA_P384_SHA_256: 19,
  PKIX_ECDSA_P521_SHA_256: 20,
  ML_DSA_65: 21,
  ML_DSA_87: 22,
  ML_DSA_44: 23,
} as const

/** One of sigstore's names of key kinds. */
export type KeyDetails = keyof typeof PUBLIC_KEY_DETAILS

/** `dev.sigstore.common.v1.HashAlgorithm`: the names with their numbers that sigstore formats use here. */
export const HASH_ALGORITHMS = { SHA2_256: 1, SHA2_384: 2, SHA2_512: 3 } as const

/** One of sigstore's names of hash functions. */
export type HashAlgorithm = keyof typeof HASH_ALGORITHMS

const HASHES: Readonly<Record<HashName, { algorithm: HashAlgorithm; bytes: number }>> = {
  sha256: { algorithm: 'SHA2_256', bytes: 32 },
  sha384: { algorithm: 'SHA2_384', bytes: 48 },
  sha512: { algorithm: 'SHA2_512', bytes: 64 },
}

const EC_DETAILS: Readonly<Record<string, KeyDetails>> = {
  prime256v1: 'PKIX_ECDSA_P256_SHA_256',
  secp384r1: 'PKIX_ECDSA_P384_SHA_384',
  secp521r1: 'PKIX_ECDSA_P521_SHA_512',
}

const RSA_DETAILS: Readonly<Record<number, KeyDetails>> = {
  2048: 'PKIX_RSA_PKCS1V15_2048_SHA256',
  3072: 'PKIX_RSA_PKCS1V15_3072_SHA256',
  4096: 'PKIX_RSA_PKCS1V15_4096_SHA256',
}

// Rekor v2's registry since 2026-08-20: what a log that holds only a digest can verify.
const LOGGED: Readonly<Partial<Record<KeyDetails, HashName>>> = {
  PKIX_ECDSA_P256_SHA_256: 'sha256',
  PKIX_ECDSA_P384_SHA_384: 'sha384',
  PKIX_ECDSA_P521_SHA_512: 'sha512',
  PKIX_RSA_PKCS1V15_2048_SHA256: 'sha256',
  PKIX_RSA_PKCS1V15_3072_SHA256: 'sha256',
  PKIX_RSA_PKCS1V15_4096_SHA256: 'sha256',
  PKIX_ED25519_PH: 'sha512',
}

/**
 * The kind that sigstore takes by default for a key: in trusted roots, and in log entries, where an Ed25519 key signs a
 * digest (`PKIX_ED25519_PH`). Throws `log.algorithm-unsupported` for curves and sizes without a name.
 */
export function keyDetailsOf(
  key: KeyObject,
  ed25519As: 'PKIX_ED25519' | 'PKIX_ED25519_PH' = 'PKIX_ED25519',
): KeyDetails {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  const kinds: Readonly<Record<string, KeyDetails | undefined>> = {
    ec: EC_DETAILS[namedCurve],
    rsa: RSA_DETAILS[modulusLength],
    ed25519: ed25519As,
  }
  const details = kinds[key.asymmetricKeyType ?? '']
  if (details === undefined) throw logError('log.algorithm-unsupported', 'sigstore has no name for this kind of key')
  return details
}

/**
 * The hash whose digest a logged signature of this kind is made over.
 * Throws `log.algorithm-unsupported` for kinds that Rekor v2 does not log, pure Ed25519 and RSA-PSS among them.
 */
export function loggedHash(details: KeyDetails): HashName {
  const hashName = LOGGED[details]
  if (hashName === undefined) throw logError('log.algorithm-unsupported', `${details} is not logged`)
  return hashName
}

/**
 * The hash that a log entry of this kind of key names. As `loggedHash`, and SHA-512 for pure Ed25519, which Rekor v2 logs
 * held until 2026-08. Throws `log.algorithm-unsupported`.
 */
export function entryHash(details: KeyDetails): HashName {
  return details === 'PKIX_ED25519' ? 'sha512' : loggedHash(details)
}

/** Sigstore's name of a hash, such as `SHA2_256`. */
export function hashAlgorithmOf(hashName: HashName): HashAlgorithm {
  return HASHES[hashName].algorithm
}

/** Our name of one of sigstore's hashes, such as `sha256`. */
export function hashNameOf(algorithm: HashAlgorithm): HashName {
  return algorithm === 'SHA2_256' ? 'sha256' : algorithm === 'SHA2_384' ? 'sha384' : 'sha512'
}

/** Length of a digest in bytes. */
export function digestBytes(hashName: HashName): number {
  return HASHES[hashName].bytes
}
