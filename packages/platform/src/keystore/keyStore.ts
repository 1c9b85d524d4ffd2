import type { KeyObject } from 'node:crypto'
import type { SignatureAlgorithm } from '@countersign/protocol/x509/signatureAlgorithm.ts'

/** The kinds of key that are made here. */
export type KeyAlgorithm = 'ecdsa-p256' | 'ecdsa-p384' | 'ed25519'

/** A private key that can be used but not seen. */
export interface SigningKey {
  readonly name: string
  /** Lower-case hex SHA-256 of `spki`. */
  readonly keyId: string
  readonly algorithm: KeyAlgorithm
  /** The public key as DER SubjectPublicKeyInfo (RFC 5280, 4.1.2.7). */
  readonly spki: Uint8Array
  readonly publicKey: KeyObject
  /** What `sign` makes: each key has one algorithm, with the hash of its own strength. */
  readonly signatureAlgorithm: SignatureAlgorithm
  /** Signs `message` (hashing it first, except Ed25519). ECDSA signatures are DER (RFC 3279, 2.2.3), Ed25519 ones 64 bytes. */
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** What a key store tells about a key without opening it. */
export interface KeySummary {
  readonly name: string
  readonly algorithm: KeyAlgorithm
  readonly keyId: string
  readonly createdAt: Date
}

/**
 * Makes and keeps private keys. They never leave it: callers get signatures.
 * Names are 1 to 64 lower-case letters, digits and hyphens; every method throws `keystore.bad-name` for another.
 */
export interface KeyStore {
  /** Makes a key. When this resolves, it survives power loss. Throws `keystore.exists`. */
  create(name: string, algorithm: KeyAlgorithm): Promise<SigningKey>
  /** Throws `keystore.not-found`, `keystore.wrong-key`, `keystore.damaged`. */
  open(name: string): Promise<SigningKey>
  /** Whether there is a key of this name; does not open it. */
  has(name: string): Promise<boolean>
  /** All keys, ordered by name. */
  list(): Promise<KeySummary[]>
}
