import { createECDH, createPublicKey, type ECDH, hash, type KeyObject, verify } from 'node:crypto'
import type { WeierstrassPointCons } from '@noble/curves/abstract/weierstrass.js'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { integerValue } from '../der/derValues.ts'
import { readDer } from '../der/readDer.ts'
import type { HashName } from './keyDetails.ts'

interface Curve {
  readonly hashName: HashName
  readonly Point: WeierstrassPointCons<bigint>
  /** Length of an uncompressed point: one byte and two coordinates. */
  readonly pointBytes: number
  readonly generator: ECDH
}

// SP 800-186, 3.2.1, by the names that node:crypto has for them.
const CURVES: Readonly<Record<string, Curve>> = {
  prime256v1: { hashName: 'sha256', Point: p256.Point, pointBytes: 65, generator: createECDH('prime256v1') },
  secp384r1: { hashName: 'sha384', Point: p384.Point, pointBytes: 97, generator: createECDH('secp384r1') },
  secp521r1: { hashName: 'sha512', Point: p521.Point, pointBytes: 133, generator: createECDH('secp521r1') },
}

const MESSAGE = Buffer.from('countersign: ecdsa over a digest')

/**
 * True if `signature` (DER) is an ECDSA signature by `key` over `digest`, a SHA-256, -384 or -512 digest for P-256, -384
 * or -521. `node:crypto` hashes what it verifies and takes no digest, so the check is moved to a message we know:
 * ECDSA accepts (r, s) for hash z and key Q where the point s⁻¹·(z·G + r·Q) has x = r. With z' = hash of a fixed message
 * and Q' = Q + ((z − z')/r)·G that point is the same for (z', Q'), so (r, s) verifies there exactly if it does here.
 * The verification stays OpenSSL's; the point arithmetic is @noble/curves' (docs/decisions/0002-ecdsa-over-a-digest.md).
 * Nothing here is secret. False for other keys, compressed keys and malformed signatures; never throws.
 */
export function verifyEcdsaOverDigest(key: KeyObject, digest: Uint8Array, signature: Uint8Array): boolean {
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (curve === undefined) return false
  const r = readR(signature)
  if (r === undefined || r <= 0n || r >= curve.Point.Fn.ORDER) return false
  const moved = movedKey(curve, key, toBigInt(digest) - messageHash(curve), r)
  return moved !== undefined && verify(curve.hashName, MESSAGE, moved, signature)
}

/** Q + (difference/r)·G, or undefined where that is the point at infinity, which is nobody's key. */
function movedKey(
  { Point, pointBytes, generator }: Curve,
  key: KeyObject,
  difference: bigint,
  r: bigint,
): KeyObject | undefined {
  const spki = key.export({ format: 'der', type: 'spki' })
  const at = spki.length - pointBytes
  if (spki[at] !== 4) return undefined
  const { Fn } = Point
  const scalar = Fn.mul(Fn.create(difference), Fn.inv(r))
  if (scalar === 0n) return key
  // OpenSSL multiplies the generator about twenty times as fast.
  generator.setPrivateKey(Fn.toBytes(scalar))
  const sum = Point.fromBytes(spki.subarray(at)).add(Point.fromBytes(generator.getPublicKey()))
  if (sum.is0()) return undefined
  spki.set(sum.toBytes(false), at)
  return createPublicKey({ key: spki, format: 'der', type: 'spki' })
}

const messageHashes = new Map<HashName, bigint>()

function messageHash({ hashName }: Curve): bigint {
  const known = messageHashes.get(hashName)
  if (known !== undefined) return known
  const computed = toBigInt(hash(hashName, MESSAGE, 'buffer'))
  messageHashes.set(hashName, computed)
  return computed
}

function readR(signature: Uint8Array): bigint | undefined {
  try {
    return integerValue(readDer(signature).children[0], 'r')
  } catch {
    // Not DER: the signature is wrong, whatever else it may be.
    return undefined
  }
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toHex()}`)
}
