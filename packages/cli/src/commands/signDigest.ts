import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { p256 } from '@noble/curves/nist.js'

/** A signature over one digest and the key that made it, which exists for this one signature. */
export interface OneTimeSignature {
  readonly privateKey: KeyObject
  readonly publicKeyPem: string
  /** ECDSA over P-256 in DER. */
  readonly signature: Uint8Array
}

/**
 * Makes a fresh P-256 key and its ECDSA signature over `digest` (SHA-256, 32 bytes), without having the signed bytes.
 * `node:crypto` hashes what it signs and takes no digest; @noble/curves does, with the nonce of RFC 6979.
 */
export function signDigest(digest: Uint8Array): OneTimeSignature {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const scalar = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url')
  const signature = p256.sign(digest, scalar, { prehash: false, format: 'der' })
  scalar.fill(0)
  return { privateKey, publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }) as string, signature }
}
