import { type KeyObject, verify } from 'node:crypto'
import { entryHash, type KeyDetails } from '../log/keyDetails.ts'
import { pae } from '../log/pae.ts'
import { bundleError } from './errors.ts'

/** A DSSE envelope with its one signature. */
export interface Envelope {
  readonly payloadType: string
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Proves that `key` signed the payload and its type. DSSE v1. Ed25519 signs the PAE itself, other kinds its digest.
 * Throws `bundle.signature-wrong`, `log.algorithm-unsupported` for kinds of keys that sigstore does not log.
 */
export function verifyEnvelope(
  { payloadType, payload, signature }: Envelope,
  key: KeyObject,
  details: KeyDetails,
): void {
  const hashName = key.asymmetricKeyType === 'ed25519' ? null : entryHash(details)
  if (!verify(hashName, pae(payloadType, payload), key, signature)) {
    throw bundleError('bundle.signature-wrong', 'the signature does not fit the statement and the certificate')
  }
}
