import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { hasWeakModulus } from './weakModulus.ts'

test('a fresh RSA modulus is not weak', () => {
  const { n } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
  assert.equal(hasWeakModulus(BigInt(`0x${Buffer.from(n as string, 'base64url').toString('hex')}`)), false)
})

test('a modulus with a small factor is weak', () => {
  assert.equal(hasWeakModulus(997n * (2n ** 2039n + 1n)), true)
  assert.equal(hasWeakModulus(2n ** 2048n), true)
})

test('a modulus of the shape of CVE-2017-15361 is weak, and one step beside it is not', () => {
  let primorial = 1n
  for (let candidate = 2n; candidate <= 701n; candidate++) if (isPrime(candidate)) primorial *= candidate
  let power = 1n
  for (let i = 0; i < 12_345; i++) power = (power * 65537n) % primorial
  const modulus = primorial * (2n ** 2048n / primorial - 99_999n) + power
  assert.equal(hasWeakModulus(modulus), true)
  let sound = modulus + 2n
  while (hasWeakModulus(sound) && sound < modulus + 2_000n) sound += 2n
  assert.ok(sound < modulus + 2_000n)
})

function isPrime(value: bigint): boolean {
  for (let divisor = 2n; divisor * divisor <= value; divisor++) if (value % divisor === 0n) return false
  return true
}
