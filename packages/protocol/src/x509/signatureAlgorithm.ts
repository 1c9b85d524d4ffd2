import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { oidValue, partsOf } from '../der/derValues.ts'
import type { DerNode } from '../der/readDer.ts'
import { nullValue, oid, sequence } from '../der/writeDer.ts'
import { x509Error } from './errors.ts'

/** The signature algorithms of certificates, lists, requests, tokens and keys; the same words in every package. */
export type SignatureAlgorithm =
  | 'ecdsa-sha256'
  | 'ecdsa-sha384'
  | 'ecdsa-sha512'
  | 'rsa-sha256'
  | 'rsa-sha384'
  | 'rsa-sha512'
  | 'ed25519'

interface AlgorithmRow {
  readonly oid: string
  readonly keyType: 'ec' | 'rsa' | 'ed25519'
  /** As `node:crypto` names it; null where the algorithm hashes itself. */
  readonly hash: string | null
}

// RFC 5758, 3.2; RFC 4055, 5 (PKCS #1 v1.5); RFC 8410, 3.
const rows: Readonly<Record<SignatureAlgorithm, AlgorithmRow>> = {
  'ecdsa-sha256': { oid: '1.2.840.10045.4.3.2', keyType: 'ec', hash: 'sha256' },
  'ecdsa-sha384': { oid: '1.2.840.10045.4.3.3', keyType: 'ec', hash: 'sha384' },
  'ecdsa-sha512': { oid: '1.2.840.10045.4.3.4', keyType: 'ec', hash: 'sha512' },
  'rsa-sha256': { oid: '1.2.840.113549.1.1.11', keyType: 'rsa', hash: 'sha256' },
  'rsa-sha384': { oid: '1.2.840.113549.1.1.12', keyType: 'rsa', hash: 'sha384' },
  'rsa-sha512': { oid: '1.2.840.113549.1.1.13', keyType: 'rsa', hash: 'sha512' },
  ed25519: { oid: '1.3.101.112', keyType: 'ed25519', hash: null },
}

const byOid = new Map(Object.entries(rows).map(([name, row]) => [row.oid, name as SignatureAlgorithm]))

// RSA identifiers carry a NULL (RFC 4055, 5), the others nothing.
const identifiers = Object.fromEntries(
  Object.entries(rows).map(([name, row]) => [
    name,
    row.keyType === 'rsa' ? sequence(oid(row.oid), nullValue()) : sequence(oid(row.oid)),
  ]),
) as Readonly<Record<SignatureAlgorithm, Uint8Array>>

/** The AlgorithmIdentifier of a signature. Always the same array: do not write into it. */
export function algorithmIdentifier(algorithm: SignatureAlgorithm): Uint8Array {
  return identifiers[algorithm]
}

/** Reads the AlgorithmIdentifier of a signature. Throws `x509.algorithm-unsupported`, `der.unexpected`. */
export function parseAlgorithmIdentifier(node: DerNode | undefined): SignatureAlgorithm {
  const parts = partsOf(node, 'a signature algorithm')
  const algorithm = byOid.get(oidValue(parts.takeAny('a signature algorithm'), 'a signature algorithm'))
  if (algorithm === undefined) throw x509Error('x509.algorithm-unsupported', 'the signature algorithm is not supported')
  if (rows[algorithm].keyType === 'rsa') parts.takeIf(0x05)
  parts.end('a signature algorithm')
  return algorithm
}

const imported = new WeakMap<Uint8Array, KeyObject>()

/**
 * The key object of a DER SubjectPublicKeyInfo. Taken: EC on P-256, P-384, P-521; RSA from 2048 to 8192 bits; Ed25519.
 * Kept as long as the array is, because making it costs as much as a signature check: do not write into `spki`.
 * Throws `x509.key-unsupported`.
 */
export function importPublicKey(spki: Uint8Array): KeyObject {
  let key = imported.get(spki)
  if (key === undefined) {
    key = createSupportedKey(spki)
    imported.set(spki, key)
  }
  return key
}

const supportedCurves: ReadonlySet<string | undefined> = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

function createSupportedKey(spki: Uint8Array): KeyObject {
  let key: KeyObject
  try {
    // node:crypto's types ask for a Buffer; any Uint8Array works.
    key = createPublicKey({ key: spki as Buffer, format: 'der', type: 'spki' })
  } catch (cause) {
    throw x509Error('x509.key-unsupported', 'the public key cannot be read', { cause })
  }
  if (!isSupported(key)) throw x509Error('x509.key-unsupported', 'the public key is of another kind or size')
  return key
}

function isSupported(key: KeyObject): boolean {
  const details = key.asymmetricKeyDetails
  if (key.asymmetricKeyType === 'ec') return supportedCurves.has(details?.namedCurve)
  // Above 8192 bits one check takes long enough to be a way of keeping us busy.
  const bits = details?.modulusLength ?? 0
  if (key.asymmetricKeyType === 'rsa') return bits >= 2048 && bits <= 8192
  return key.asymmetricKeyType === 'ed25519'
}

/**
 * Whether `signature` (ECDSA in DER) over `message` was made by `key` with `algorithm`. False also where the key is
 * of another kind than the algorithm: callers turn false into their own code.
 */
export function isSignedBy(
  key: KeyObject,
  algorithm: SignatureAlgorithm,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { keyType, hash } = rows[algorithm]
  return key.asymmetricKeyType === keyType && verify(hash, message, key, signature)
}
