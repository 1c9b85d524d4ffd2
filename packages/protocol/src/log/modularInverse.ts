const WORD_BITS = 52
// Coefficients stay below 2^25, so that their products with 26-bit quotients and 52-bit words are exact doubles.
const COEFFICIENT_LIMIT = 2 ** 25

/**
 * The inverse of `value` modulo the prime `modulus`; `value` is above 0 and below `modulus`. Euclid's algorithm in
 * Lehmer's form (Knuth, 4.5.2, algorithm L): most steps run on the leading 52 bits as numbers, which takes under half
 * the time of plain big integers. Not constant-time: for public values only.
 */
export function modularInverse(value: bigint, modulus: bigint): bigint {
  let large = modulus
  let small = value
  let largeFactor = 0n
  let smallFactor = 1n
  while (small !== 0n) {
    const steps = leadingSteps(large, small)
    // No step is certain from the leading bits: one exact step is Euclid's own, with the matrix (0 1; 1 −quotient).
    const a = BigInt(steps?.a ?? 0)
    const b = BigInt(steps?.b ?? 1)
    const c = BigInt(steps?.c ?? 1)
    const d = steps === undefined ? -(large / small) : BigInt(steps.d)
    const nextLarge = a * large + b * small
    small = c * large + d * small
    large = nextLarge
    const nextFactor = a * largeFactor + b * smallFactor
    smallFactor = c * largeFactor + d * smallFactor
    largeFactor = nextFactor
  }
  return largeFactor < 0n ? largeFactor + modulus : largeFactor
}

interface Steps {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
}

/** The matrix of as many steps of Euclid's algorithm as the leading bits of both numbers decide; undefined for none. */
function leadingSteps(large: bigint, small: bigint): Steps | undefined {
  const shift = BigInt(Math.max(0, large.toString(16).length * 4 - WORD_BITS))
  let x = Number(large >> shift)
  let y = Number(small >> shift)
  let a = 1
  let b = 0
  let c = 0
  let d = 1
  while (y + c !== 0 && y + d !== 0) {
    const quotient = Math.floor((x + a) / (y + c))
    if (quotient !== Math.floor((x + b) / (y + d))) break
    const nextC = a - quotient * c
    const nextD = b - quotient * d
    if (Math.abs(nextC) > COEFFICIENT_LIMIT || Math.abs(nextD) > COEFFICIENT_LIMIT) break
    const rest = x - quotient * y
    x = y
    y = rest
    a = c
    b = d
    c = nextC
    d = nextD
  }
  return b === 0 ? undefined : { a, b, c, d }
}
