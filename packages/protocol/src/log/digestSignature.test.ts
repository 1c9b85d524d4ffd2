import assert from 'node:assert/strict'
import { constants, generateKeyPairSync, hash, type KeyObject, privateEncrypt, sign, verify } from 'node:crypto'
import { test } from 'node:test'
import { p256 } from '@noble/curves/nist.js'
import fc from 'fast-check'
import { integer, sequence } from '../der/writeDer.ts'
import { hasCode } from '../errors/codedError.ts'
import { type DigestSignature, verifyDigestSignature, verifyDigestSignatures } from './digestSignature.ts'
import { verifyEcdsaOverDigests } from './ecdsaOverDigest.ts'
import type { HashName, KeyDetails } from './keyDetails.ts'

const message = new TextEncoder().encode('what was signed')
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength })
const rsa2048 = rsa(2048)
const kinds: { details: KeyDetails; hashName: HashName; pair: { publicKey: KeyObject; privateKey: KeyObject } }[] = [
  { details: 'PKIX_ECDSA_P256_SHA_256', hashName: 'sha256', pair: ec('P-256') },
  { details: 'PKIX_ECDSA_P384_SHA_384', hashName: 'sha384', pair: ec('P-384') },
  { details: 'PKIX_ECDSA_P521_SHA_512', hashName: 'sha512', pair: ec('P-521') },
  { details: 'PKIX_RSA_PKCS1V15_2048_SHA256', hashName: 'sha256', pair: rsa2048 },
  { details: 'PKIX_RSA_PKCS1V15_3072_SHA256', hashName: 'sha256', pair: rsa(3072) },
]
const claims = kinds.map(({ details, hashName, pair }) => ({
  key: pair.publicKey,
  keyDetails: details,
  digest: new Uint8Array(hash(hashName, message, 'buffer')),
  signature: new Uint8Array(sign(hashName, message, pair.privateKey)),
}))

const verifyEcdsaOverDigest = (key: KeyObject, digest: Uint8Array, signature: Uint8Array) =>
  verifyEcdsaOverDigests([{ key, digest, signature }])[0]

for (const claim of claims) {
  test(`${claim.keyDetails}: a signature verifies over the digest alone, and no changed one does`, () => {
    verifyDigestSignature(claim)
    const { digest, signature } = claim
    const flip = (bytes: Uint8Array, at: number) => bytes.with(at, (bytes[at] as number) ^ 1)
    const wrong = [
      ...[0, 7, digest.length - 1].map((at) => ({ ...claim, digest: flip(digest, at) })),
      ...[0, 1, 3, 5, signature.length - 1].map((at) => ({ ...claim, signature: flip(signature, at) })),
      { ...claim, signature: signature.slice(0, -1) },
      { ...claim, signature: new Uint8Array([...signature, 0]) },
      { ...claim, signature: new Uint8Array(0) },
    ]
    for (const other of wrong) assert.throws(() => verifyDigestSignature(other), { code: 'log.signature-wrong' })
  })
}

test('ECDSA over a digest agrees with ECDSA over the message for every curve and message', () => {
  fc.assert(
    fc.property(fc.constantFrom(...kinds.slice(0, 3)), fc.uint8Array(), fc.uint8Array(), ({ hashName, pair }, a, b) => {
      const signature = sign(hashName, a, pair.privateKey)
      assert.ok(verifyEcdsaOverDigest(pair.publicKey, hash(hashName, a, 'buffer'), signature))
      const isSame = Buffer.compare(a, b) === 0
      assert.equal(verify(hashName, b, pair.publicKey, signature), isSame)
      assert.equal(verifyEcdsaOverDigest(pair.publicKey, hash(hashName, b, 'buffer'), signature), isSame)
    }),
    { numRuns: 60 },
  )
})

test('digests at the ends of the range are verified as numbers', () => {
  // Nobody knows a message with these digests, so the signature is made from the equations: s = (z + r·d)/k.
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const { privateKey, publicKey } = ec('P-256')
  const d = BigInt(`0x${Buffer.from(privateKey.export({ format: 'jwk' }).d as string, 'base64url').toString('hex')}`)
  const nonce = ec('P-256')
  const jwk = nonce.privateKey.export({ format: 'jwk' })
  const k = BigInt(`0x${Buffer.from(jwk.d as string, 'base64url').toString('hex')}`)
  const r = BigInt(`0x${Buffer.from(jwk.x as string, 'base64url').toString('hex')}`) % n
  for (const z of [0n, 1n, n - 1n, n, n + 1n, 2n ** 256n - 1n]) {
    const digest = Uint8Array.fromHex(z.toString(16).padStart(64, '0'))
    const s = (((z + r * d) % n) * p256.Point.Fn.inv(k)) % n
    assert.ok(verifyEcdsaOverDigest(publicKey, digest, sequence(integer(r), integer(s))), `digest ${z}`)
    assert.ok(!verifyEcdsaOverDigest(publicKey, digest, sequence(integer(r), integer((s + 1n) % n))))
  }
})

test('values of r and s outside the group, and what is not DER, are wrong signatures', () => {
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const [claim] = claims
  assert.ok(claim)
  const wrong = [
    sequence(integer(0), integer(1)),
    sequence(integer(1), integer(0)),
    sequence(integer(n), integer(1)),
    sequence(integer(-1n), integer(1)),
    sequence(integer(1), integer(n)),
    sequence(),
    Uint8Array.of(0x30, 0x80),
  ]
  for (const signature of wrong) {
    assert.throws(() => verifyDigestSignature({ ...claim, signature }), { code: 'log.signature-wrong' })
  }
})

test('RSA with anything but the one DigestInfo is a wrong signature', () => {
  const digest = hash('sha256', message, 'buffer')
  const info = Buffer.from('3031300d060960864801650304020105000420', 'hex')
  const encrypt = (content: Uint8Array) =>
    privateEncrypt({ key: rsa2048.privateKey, padding: constants.RSA_PKCS1_PADDING }, content)
  const base = { key: rsa2048.publicKey, keyDetails: 'PKIX_RSA_PKCS1V15_2048_SHA256', digest } as const
  verifyDigestSignature({ ...base, signature: encrypt(Buffer.concat([info, digest])) })
  const withoutNull = Buffer.from('302f300b0609608648016503040201' + '0420', 'hex')
  const wrong = [
    encrypt(digest),
    encrypt(Buffer.concat([info, digest, Buffer.of(0)])),
    encrypt(Buffer.concat([withoutNull, digest])),
    sign('sha512', message, rsa2048.privateKey),
  ]
  for (const signature of wrong) {
    assert.throws(() => verifyDigestSignature({ ...base, signature }), { code: 'log.signature-wrong' })
  }
})

test('keys, kinds and digests that do not belong together are refused by name', () => {
  const [p256, p384] = claims
  assert.ok(p256 && p384)
  assert.throws(() => verifyDigestSignature({ ...p256, key: p384.key }), { code: 'log.key-mismatch' })
  assert.throws(() => verifyDigestSignature({ ...p256, digest: p384.digest }), { code: 'log.digest-wrong' })
  for (const keyDetails of [
    'PKIX_ED25519',
    'PKIX_RSA_PSS_2048_SHA256',
    'PKIX_ECDSA_P384_SHA_256',
    'ML_DSA_44',
  ] as const) {
    assert.throws(() => verifyDigestSignature({ ...p256, keyDetails }), { code: 'log.algorithm-unsupported' })
  }
  const koblitz = ec('secp256k1')
  assert.throws(() => verifyDigestSignature({ ...p256, key: koblitz.publicKey }), { code: 'log.algorithm-unsupported' })
  assert.ok(!verifyEcdsaOverDigest(koblitz.publicKey, p256.digest, p256.signature))
})

test('claims that are verified together get each the answer that they get alone, whatever their neighbours are', () => {
  const { signature: firstSignature, digest: firstDigest } = claims[0] as DigestSignature
  const spoiled = [
    (claim: DigestSignature) => claim,
    (claim: DigestSignature) => ({ ...claim, digest: claim.digest.toReversed() }),
    (claim: DigestSignature) => ({ ...claim, signature: claim.signature.with(9, 0x55).with(10, 0xaa) }),
    (claim: DigestSignature) => ({ ...claim, signature: firstSignature }),
    (claim: DigestSignature) => ({ ...claim, signature: new Uint8Array(0) }),
    (claim: DigestSignature) => ({ ...claim, signature: sequence(integer(0), integer(1)) }),
    (claim: DigestSignature) => ({ ...claim, digest: claim.digest.subarray(1) }),
    (claim: DigestSignature) => ({ ...claim, keyDetails: 'PKIX_ED25519_PH' as const }),
    (claim: DigestSignature) => ({ ...claim, digest: firstDigest }),
  ]
  const alone = (claim: DigestSignature) => {
    try {
      verifyDigestSignature(claim)
      return undefined
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  const any = fc.tuple(fc.constantFrom(...claims), fc.constantFrom(...spoiled)).map(([claim, spoil]) => spoil(claim))
  fc.assert(
    fc.property(fc.array(any, { maxLength: 12 }), (mixed) => {
      const together = verifyDigestSignatures(mixed).map((error) => error?.code)
      assert.deepEqual(together, mixed.map(alone))
    }),
    { numRuns: 20 },
  )
  assert.deepEqual(verifyDigestSignatures(claims), new Array(claims.length).fill(undefined))
})

test('a key that would be moved to no point at all is a wrong signature, and harms no neighbour', () => {
  // Q + ((z − z')/r)·G is infinity where r·d = z' − z: only whoever knows d can choose such an r.
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const { privateKey, publicKey } = ec('P-256')
  const d = BigInt(`0x${Buffer.from(privateKey.export({ format: 'jwk' }).d as string, 'base64url').toString('hex')}`)
  const fixed = BigInt(`0x${hash('sha256', 'countersign: ecdsa over a digest', 'hex')}`)
  const good = claims[0] as DigestSignature
  const z = BigInt(`0x${Buffer.from(good.digest).toString('hex')}`)
  const r = (((((fixed - z) % n) + n) % n) * p256.Point.Fn.inv(d)) % n
  const { digest } = good
  const nowhere = { key: publicKey, digest, signature: sequence(integer(r), integer(1)) }
  assert.deepEqual(verifyEcdsaOverDigests([good, nowhere, good]), [true, false, true])
})

test('pre-hashed Ed25519 is refused, never taken for verified', () => {
  const { publicKey: key, privateKey } = generateKeyPairSync('ed25519')
  const digest = new Uint8Array(hash('sha512', message, 'buffer'))
  const claim = { key, keyDetails: 'PKIX_ED25519_PH', digest, signature: sign(null, digest, privateKey) } as const
  assert.throws(() => verifyDigestSignature(claim), { code: 'log.algorithm-unsupported' })
})

test('a changed signature never fails but with its code', () => {
  fc.assert(
    fc.property(fc.constantFrom(...claims), fc.nat(), fc.nat(255), (claim, any, value) => {
      const at = any % claim.signature.length
      fc.pre(claim.signature[at] !== value)
      assert.throws(
        () => verifyDigestSignature({ ...claim, signature: claim.signature.with(at, value) }),
        (error) => hasCode(error, 'log.signature-wrong'),
      )
    }),
    { numRuns: 60 },
  )
})
