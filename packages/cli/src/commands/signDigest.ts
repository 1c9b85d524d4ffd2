import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
} from 'node:crypto'
import { integerValue } from '@countersign/protocol/der/derValues.ts'
import { readDer } from '@countersign/protocol/der/readDer.ts'
import { modularInverse } from '@countersign/protocol/log/modularInverse.ts'

/** A signature over one digest and the key that made it, which exists for this one signature. */
export interface OneTimeSignature {
  readonly privateKey: KeyObject
  readonly publicKeyPem: string
  /** ECDSA over P-256 in DER. */
  readonly signature: Uint8Array
}

const MESSAGE = Buffer.from('countersign: one signature, one key')
/** Order of the group of P-256. SP 800-186, 3.2.1.3. */
const ORDER = 2n ** 256n - 2n ** 224n + 2n ** 192n - 0x4319055258e8617b0c46353d039cdaafn

/**
 * Makes a fresh P-256 key and its ECDSA signature over `digest` (SHA-256, 32 bytes), without having the signed bytes.
 * `node:crypto` hashes what it signs and takes no digest, so the key is fitted to the signature: with a random key d'
 * it signs a known message of hash z', giving (r, s) with s = (z' + r·d')/k. For d = d' + (z' − z)/r the same (r, s) is
 * the signature by d over z, because z + r·d = z' + r·d'. d is as random as d', nothing but d' and d is secret, and the
 * library's nonce k is used for this one signature. Only the public r goes through arithmetic that is not constant-time.
 */
export function signDigest(digest: Uint8Array): OneTimeSignature {
  for (;;) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const signature = new Uint8Array(sign('sha256', MESSAGE, privateKey))
    const r = integerValue(readDer(signature).children[0], 'r')
    const shift = (toBigInt(hash('sha256', MESSAGE, 'buffer')) - toBigInt(digest)) * modularInverse(r, ORDER)
    const fitted = positiveModulo(privateScalar(privateKey) + shift)
    // 0 is no key; as likely as guessing one.
    if (fitted !== 0n) return { ...openScalar(fitted), signature }
  }
}

function privateScalar(key: KeyObject): bigint {
  return toBigInt(Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url'))
}

function openScalar(scalar: bigint): Omit<OneTimeSignature, 'signature'> {
  const bytes = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex')
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(bytes)
  const point = curve.getPublicKey()
  const [x, y, d] = [point.subarray(1, 33), point.subarray(33), bytes].map((part) => part.toString('base64url'))
  const privateKey = createPrivateKey({ key: { kty: 'EC', crv: 'P-256', x, y, d }, format: 'jwk' })
  return { privateKey, publicKeyPem: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string }
}

function positiveModulo(value: bigint): bigint {
  const rest = value % ORDER
  return rest < 0n ? rest + ORDER : rest
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}
