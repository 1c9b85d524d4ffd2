import { createECDH, createPublicKey, type ECDH, hash, type KeyObject, verify } from 'node:crypto'
import { integerValue } from '../der/derValues.ts'
import { readDer } from '../der/readDer.ts'
import { concatBytes } from '../json/base64.ts'
import type { HashName } from './keyDetails.ts'
import { modularInverse } from './modularInverse.ts'

interface Curve {
  readonly hashName: HashName
  readonly fieldBytes: number
  /** Prime of the field; the curve is y² = x³ − 3x + b. */
  readonly p: bigint
  /** Prime order of the group. */
  readonly n: bigint
  readonly generator: ECDH
  /** SubjectPublicKeyInfo up to the coordinates. */
  readonly spkiPrefix: Uint8Array
}

interface Point {
  readonly x: bigint
  readonly y: bigint
}

// FIPS 186-5 and SP 800-186, 3.2.1; prefixes RFC 5480, 2.
const CURVES: Readonly<Record<string, Curve>> = {
  prime256v1: {
    hashName: 'sha256',
    fieldBytes: 32,
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    n: 2n ** 256n - 2n ** 224n + 2n ** 192n - 0x4319055258e8617b0c46353d039cdaafn,
    generator: createECDH('prime256v1'),
    spkiPrefix: Uint8Array.fromHex('3059301306072a8648ce3d020106082a8648ce3d03010703420004'),
  },
  secp384r1: {
    hashName: 'sha384',
    fieldBytes: 48,
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    n: 2n ** 384n - 0x389cb27e0bc8d220a7e5f24db74f58851313e695333ad68dn,
    generator: createECDH('secp384r1'),
    spkiPrefix: Uint8Array.fromHex('3076301006072a8648ce3d020106052b8104002203620004'),
  },
  secp521r1: {
    hashName: 'sha512',
    fieldBytes: 66,
    p: 2n ** 521n - 1n,
    n: 2n ** 521n - 0x5ae79787c40d069948033feb708f65a2fc44a36477663b851449048e16ec79bf7n,
    generator: createECDH('secp521r1'),
    spkiPrefix: Uint8Array.fromHex('30819b301006072a8648ce3d020106052b810400230381860004'),
  },
}

const MESSAGE = Buffer.from('countersign: ecdsa over a digest')

/**
 * True if `signature` (DER) is an ECDSA signature by `key` over `digest`, a SHA-256, -384 or -512 digest for P-256, -384
 * or -521. `node:crypto` hashes what it verifies and takes no digest, so the check is moved to a message we know:
 * ECDSA accepts (r, s) for hash z and key Q where the point s⁻¹·(z·G + r·Q) has x = r. With z' = hash of a fixed message
 * and Q' = Q + ((z − z')/r)·G that point is the same for (z', Q'), so (r, s) verifies there exactly if it does here.
 * Nothing here is secret. False for other curves and malformed signatures; never throws.
 */
export function verifyEcdsaOverDigest(key: KeyObject, digest: Uint8Array, signature: Uint8Array): boolean {
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (curve === undefined) return false
  const r = readR(signature)
  if (r === undefined || r <= 0n || r >= curve.n) return false
  const moved = movedKey(curve, key, toBigInt(digest) - messageHash(curve), r)
  return moved !== undefined && verify(curve.hashName, MESSAGE, moved, signature)
}

/** Q + (difference/r)·G, or undefined where that is the point at infinity, which is nobody's key. */
function movedKey(curve: Curve, key: KeyObject, difference: bigint, r: bigint): KeyObject | undefined {
  const scalar = positiveModulo(difference * modularInverse(r, curve.n), curve.n)
  if (scalar === 0n) return key
  curve.generator.setPrivateKey(toBytes(scalar, curve.fieldBytes))
  const shift = readPoint(curve, curve.generator.getPublicKey())
  const sum = addPoints(curve, readPoint(curve, key.export({ format: 'raw-public' })), shift)
  if (sum === undefined) return undefined
  const spki = concatBytes(curve.spkiPrefix, toBytes(sum.x, curve.fieldBytes), toBytes(sum.y, curve.fieldBytes))
  return createPublicKey({ key: Buffer.from(spki.buffer), format: 'der', type: 'spki' })
}

function addPoints({ p }: Curve, a: Point, b: Point): Point | undefined {
  if (a.x === b.x && a.y !== b.y) return undefined
  const rise = a.x === b.x ? 3n * a.x * a.x - 3n : b.y - a.y
  const run = a.x === b.x ? 2n * a.y : b.x - a.x
  const slope = positiveModulo(rise * modularInverse(positiveModulo(run, p), p), p)
  const x = positiveModulo(slope * slope - a.x - b.x, p)
  return { x, y: positiveModulo(slope * (a.x - x) - a.y, p) }
}

/** Reads an uncompressed point: 04 ‖ x ‖ y. SEC 1, 2.3.3. */
function readPoint({ fieldBytes }: Curve, bytes: Uint8Array): Point {
  return { x: toBigInt(bytes.subarray(1, 1 + fieldBytes)), y: toBigInt(bytes.subarray(1 + fieldBytes)) }
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

function positiveModulo(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus
  return rest < 0n ? rest + modulus : rest
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toHex()}`)
}

function toBytes(value: bigint, length: number): Uint8Array {
  const hex = value.toString(16)
  const bytes = Uint8Array.fromHex(hex.length % 2 === 0 ? hex : `0${hex}`)
  return bytes.length === length ? bytes : concatBytes(new Uint8Array(length - bytes.length), bytes)
}
