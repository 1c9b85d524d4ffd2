import type { KeyObject } from 'node:crypto'
import type { SigningKey } from '@countersign/platform/keystore/keyStore.ts'
import { positiveIntegerBytes } from '@countersign/protocol/der/derValues.ts'
import { readDer } from '@countersign/protocol/der/readDer.ts'
import { ExternalSigningKey } from './oidcProvider.ts'

const P256_BYTES = 32

/** Lets the OpenID Connect provider sign with a P-256 key that stays in the key store. */
export class TokenSigner extends ExternalSigningKey {
  readonly #key: SigningKey

  constructor(key: SigningKey) {
    super()
    this.#key = key
  }

  override get kid(): string {
    return this.#key.keyId
  }

  // The provider writes these two back after it has read them.
  override set kid(_value: string) {}

  override get alg(): string {
    return 'ES256'
  }

  override set alg(_value: string) {}

  override keyObject(): KeyObject {
    return this.#key.publicKey
  }

  override async sign(data: Uint8Array): Promise<Uint8Array> {
    return joseSignature(await this.#key.sign(data))
  }
}

/** A P-256 signature in the form of JWS: r and s, 32 bytes each (RFC 7518, 3.4). */
function joseSignature(der: Uint8Array): Uint8Array {
  const [r, s] = readDer(der).children
  const signature = new Uint8Array(2 * P256_BYTES)
  const parts = [positiveIntegerBytes(r, 'r of the signature'), positiveIntegerBytes(s, 's of the signature')]
  for (const [index, digits] of parts.entries()) signature.set(digits, (index + 1) * P256_BYTES - digits.length)
  return signature
}
