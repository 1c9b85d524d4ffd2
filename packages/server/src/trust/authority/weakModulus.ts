/** Odd primes below 1,000: a modulus that one of them divides was not made of two large primes. */
const smallPrimes = primesBelow(1000)

/** The primes whose residues give a modulus away that the library of CVE-2017-15361 (ROCA) made. */
const rocaPrimes = smallPrimes.filter((prime) => prime <= 167)

/** For each of them, the residues that powers of 65537 take. A modulus made by that library hits them all. */
const rocaResidues = rocaPrimes.map((prime) => ({ prime: BigInt(prime), residues: powersOf65537(prime) }))

/**
 * True where an RSA modulus has a small factor or the fingerprint of CVE-2017-15361. A sound modulus has that
 * fingerprint with a chance below 2^-27.
 */
export function hasWeakModulus(modulus: bigint): boolean {
  if (modulus % 2n === 0n || smallPrimes.some((prime) => modulus % BigInt(prime) === 0n)) return true
  return rocaResidues.every(({ prime, residues }) => residues.has(Number(modulus % prime)))
}

function primesBelow(limit: number): number[] {
  const primes: number[] = []
  for (let candidate = 3; candidate < limit; candidate += 2) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate)
  }
  return primes
}

function powersOf65537(prime: number): Set<number> {
  const powers = new Set<number>()
  for (let power = 1; !powers.has(power); power = (power * 65537) % prime) powers.add(power)
  return powers
}
