import { createPublicKey, type KeyObject, type webcrypto } from 'node:crypto'
import { TOKEN_ALGORITHMS, type TokenAlgorithm } from './tokenSignature.ts'

/** Keys of one issuer that are looked at; real issuers publish a handful. */
const MAX_KEYS = 64

/** RSA moduli below are not taken (RFC 7518, 3.3), and above they would only cost time. */
const MIN_RSA_BITS = 2048
const MAX_RSA_BITS = 8192

/** One member of a key set (RFC 7517, 4), as a stranger sent it. */
export type PublishedKey = Readonly<Record<string, unknown>>

/** An imported public key and what it may be used for. */
export interface ImportedKey {
  readonly kid: string | undefined
  readonly algorithm: TokenAlgorithm
  readonly key: KeyObject
}

/** Imports what of a key set can verify tokens. Keys for other uses, of other kinds or malformed are left out, as RFC 7517, 5 asks. */
export function importKeys(published: readonly PublishedKey[]): ImportedKey[] {
  return published.slice(0, MAX_KEYS).flatMap((jwk) => {
    const algorithms = algorithmsOf(jwk)
    const key = algorithms.length > 0 ? importKey(jwk) : undefined
    const kid = typeof jwk.kid === 'string' ? jwk.kid : undefined
    return key === undefined ? [] : algorithms.map((algorithm) => ({ kid, algorithm, key }))
  })
}

/** The key with this id for this algorithm; without an id only a key that cannot be confused with another one. */
export function selectKey(
  keys: readonly ImportedKey[],
  kid: string | undefined,
  algorithm: TokenAlgorithm,
): KeyObject | undefined {
  const usable = keys.filter((key) => key.algorithm === algorithm && (kid === undefined || key.kid === kid))
  return usable.length === 1 ? usable[0]?.key : undefined
}

function algorithmsOf(jwk: PublishedKey): readonly TokenAlgorithm[] {
  if (jwk.use !== undefined && jwk.use !== 'sig') return []
  const possible = byKind(jwk)
  return jwk.alg === undefined ? possible : possible.filter((algorithm) => algorithm === jwk.alg)
}

function byKind(jwk: PublishedKey): readonly TokenAlgorithm[] {
  if (jwk.kty === 'EC' && jwk.crv === 'P-256') return ['ES256']
  if (jwk.kty === 'OKP' && jwk.crv === 'Ed25519') return ['EdDSA']
  return jwk.kty === 'RSA' ? TOKEN_ALGORITHMS.filter((name) => name === 'RS256' || name === 'PS256') : []
}

function importKey(jwk: PublishedKey): KeyObject | undefined {
  try {
    // Only public members are passed on, whatever else a key set holds.
    const { kty, crv, x, y, n, e } = jwk
    const key = createPublicKey({ key: { kty, crv, x, y, n, e } as webcrypto.JsonWebKey, format: 'jwk' })
    const bits = key.asymmetricKeyDetails?.modulusLength
    return bits === undefined || (bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS) ? key : undefined
  } catch {
    return undefined
  }
}
