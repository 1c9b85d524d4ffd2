import { concatBytes } from '../json/base64.ts'

/**
 * What a DSSE signature is made over: `DSSEv1 <length of type> <type> <length of payload> <payload>`, lengths in bytes,
 * decimal. Binds the payload's type, so that a signature cannot be moved to another meaning. DSSE v1, protocol.
 */
export function pae(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType)
  return concatBytes(Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload)
}
