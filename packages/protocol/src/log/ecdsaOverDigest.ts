import { createVerify, hash, type KeyObject, type RawPublicKeyInput } from 'node:crypto'
import { normalizeZ } from '@noble/curves/abstract/curve.js'
import type { WeierstrassPoint } from '@noble/curves/abstract/weierstrass.js'
import { integerValue } from '../der/derValues.ts'
import { readDer } from '../der/readDer.ts'
import { concatBytes } from '../json/base64.ts'
import { type NistCurve, nistCurve } from './nistCurves.ts'

/** An ECDSA signature of which only the digest of the signed bytes is known. */
export interface EcdsaClaim {
  readonly key: KeyObject
  /** SHA-256, -384 or -512 for a key on P-256, P-384 or P-521. */
  readonly digest: Uint8Array
  /** DER. */
  readonly signature: Uint8Array
}

const MESSAGE = Buffer.from('countersign: ecdsa over a digest')

/**
 * Whether each claim is true: `signature` is an ECDSA signature by `key` over `digest`. `node:crypto` hashes what it
 * verifies and takes no digest, so the check is moved to a message we know: ECDSA accepts (r, s) for hash z and key Q where
 * the point s⁻¹·(z·G + r·Q) has x = r. With z' = hash of a fixed message and Q' = Q + ((z − z')/r)·G that point is the same
 * for (z', Q'), so (r, s) verifies there exactly if it does here. The verification stays OpenSSL's; the point arithmetic is
 * @noble/curves' (docs/decisions/0002-ecdsa-over-a-digest.md). Claims on one curve share both inversions, so that many
 * together cost two thirds of as many alone. Nothing here is secret.
 * The answers are in the order of the claims; false for other keys and for malformed signatures. Never throws.
 */
export function verifyEcdsaOverDigests(claims: readonly EcdsaClaim[]): boolean[] {
  const answers = claims.map(() => false)
  for (const [curve, readable] of readByCurve(claims)) {
    const keys = movedKeys(curve, readable)
    for (const [i, { position, signature }] of readable.entries()) {
      const key = keys[i]
      answers[position] = key !== undefined && createVerify(curve.hashName).update(MESSAGE).verify(key, signature)
    }
  }
  return answers
}

interface ReadClaim extends EcdsaClaim {
  /** Among all claims. */
  readonly position: number
  readonly r: bigint
}

/** The claims that are not false at sight. */
function readByCurve(claims: readonly EcdsaClaim[]): Map<NistCurve, ReadClaim[]> {
  const groups = new Map<NistCurve, ReadClaim[]>()
  for (const [position, { key, digest, signature }] of claims.entries()) {
    const curve = nistCurve(key.asymmetricKeyDetails?.namedCurve ?? '')
    const r = readR(signature)
    if (curve === undefined || r === undefined || r <= 0n || r >= curve.Point.Fn.ORDER) continue
    const group = groups.get(curve) ?? []
    group.push({ key, digest, signature, position, r })
    groups.set(curve, group)
  }
  return groups
}

function readR(signature: Uint8Array): bigint | undefined {
  try {
    return integerValue(readDer(signature).children[0], 'r')
  } catch {
    // Not DER: the signature is wrong, whatever else it may be.
    return undefined
  }
}

/** Q + ((z − z')/r)·G for each claim, or undefined where that is the point at infinity, which is nobody's key. */
function movedKeys(curve: NistCurve, claims: readonly ReadClaim[]): (RawPublicKeyInput | undefined)[] {
  const { Point } = curve
  const { Fn } = Point
  const fixed = messageHash(curve)
  const inverses = Fn.invertBatch(claims.map(({ r }) => r))
  const sums = claims.map(({ key, digest }, i) => {
    const factor = Fn.mul(Fn.create(toBigInt(digest) - fixed), inverses[i] as bigint)
    const point = pointOf(curve, key.export({ format: 'raw-public' }))
    return factor === 0n ? point : point.add(pointOf(curve, curve.multiplyGenerator(Fn.toBytes(factor))))
  })
  return normalizeZ(Point, sums).map((sum) => (sum.is0() ? undefined : rawKey(curve, sum)))
}

/** Unchecked: OpenSSL has made the point, or checked it when it read the key. */
function pointOf({ Point, fieldBytes }: NistCurve, uncompressed: Uint8Array): WeierstrassPoint<bigint> {
  const x = Point.Fp.fromBytes(uncompressed.subarray(1, 1 + fieldBytes))
  const y = Point.Fp.fromBytes(uncompressed.subarray(1 + fieldBytes))
  return Point.fromAffine({ x, y })
}

// Not made a KeyObject first: that would cost a third of the verification.
function rawKey({ name, Point }: NistCurve, point: WeierstrassPoint<bigint>): RawPublicKeyInput {
  const { x, y } = point.toAffine()
  const key = concatBytes(Uint8Array.of(4), Point.Fp.toBytes(x), Point.Fp.toBytes(y))
  return { key, format: 'raw-public', asymmetricKeyType: 'ec', namedCurve: name }
}

const messageHashes = new Map<NistCurve, bigint>()

function messageHash(curve: NistCurve): bigint {
  const known = messageHashes.get(curve)
  if (known !== undefined) return known
  const computed = toBigInt(hash(curve.hashName, MESSAGE, 'buffer'))
  messageHashes.set(curve, computed)
  return computed
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toHex()}`)
}
