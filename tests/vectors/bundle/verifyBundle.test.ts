import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { artifactDigest } from '@countersign/protocol/bundle/artifactDigest.ts'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { artifactBytes } from '@countersign/protocol/bundle/signedArtifact.ts'
import { type TrustedRoot, writeTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { digestAlgorithm, verifyBundle } from '@countersign/protocol/bundle/verifyBundle.ts'
import { CodedError } from '@countersign/protocol/errors/codedError.ts'
import type { HashName } from '@countersign/protocol/log/keyDetails.ts'
import { makeTestKey, TEST_TIME } from '@countersign/protocol/x509/authorityFixture.ts'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot as ForeignTrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import fc from 'fast-check'
import { certificateMutations } from './certificateMutations.ts'
import { contentMutations } from './contentMutations.ts'
import { signTestArtifact, signTestStatement, TEST_ARTIFACT } from './fixture.ts'
import { logMutations } from './logMutations.ts'
import { asV02, instance, issuerOf } from './mutation.ts'

const { trustedRoot } = instance
const mutations = [...contentMutations, ...certificateMutations, ...logMutations]
const sha = (name: HashName, bytes = TEST_ARTIFACT) => new Uint8Array(hash(name, bytes, 'buffer'))
const artifact = artifactBytes(TEST_ARTIFACT)

/** Asks @sigstore/verify, which shares no code with ours. Throws if it refuses. */
function askForeignVerifier(bundle: string, root: TrustedRoot, artifact: Uint8Array): void {
  const material = toTrustMaterial(ForeignTrustedRoot.fromJSON(writeTrustedRoot(root)))
  new Verifier(material).verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle)), Buffer.from(artifact)))
}

interface Sound {
  readonly what: string
  readonly bundle: string
  readonly hashName?: HashName
  /** Why @sigstore/verify refuses it; absent where it must accept. */
  readonly foreignRefuses?: string
}

const p384 = { identity: { key: makeTestKey('ecdsa-sha384') }, hashName: 'sha384' } as const
const p521 = { identity: { key: makeTestKey('ecdsa-sha512') }, hashName: 'sha512' } as const
const rsa = { identity: { key: makeTestKey('rsa-sha256') } } as const
const ed25519 = { identity: { key: makeTestKey('ed25519') }, hashName: 'sha512' } as const
const otherHash = 'it takes SHA-256 of every statement'
const respelled = JSON.stringify(JSON.parse(signTestArtifact(instance)))
  .replace('bundle.v0.3+json', 'bundle+json;version=0.3')
  .replace('"verificationMaterial"', '"verification_material"')
  .replace('"messageSignature"', '"message_signature"')
  .replace('"SHA2_256"', '1')
const v02 = asV02(signTestArtifact(instance), (own) => [own, issuerOf(instance)])

const sound: readonly Sound[] = [
  { what: 'a message signed with P-256', bundle: signTestArtifact(instance) },
  {
    what: 'a message signed with P-384',
    bundle: signTestArtifact(instance, p384),
    hashName: 'sha384',
  },
  {
    what: 'a message signed with P-521',
    bundle: signTestArtifact(instance, p521),
    hashName: 'sha512',
  },
  { what: 'a message signed with RSA', bundle: signTestArtifact(instance, rsa) },
  { what: 'a statement signed with P-256', bundle: signTestStatement(instance) },
  { what: 'a statement signed with P-384', bundle: signTestStatement(instance, p384), foreignRefuses: otherHash },
  { what: 'a statement signed with RSA', bundle: signTestStatement(instance, rsa) },
  { what: 'a statement signed with Ed25519', bundle: signTestStatement(instance, ed25519), foreignRefuses: otherHash },
  { what: 'a bundle v0.2 with the chain of its certificate', bundle: v02 },
  { what: 'another spelling of the same bundle', bundle: respelled, foreignRefuses: 'it reads lowerCamel names only' },
]

for (const { what, bundle, hashName = 'sha256', foreignRefuses } of sound) {
  test(`verified: ${what}`, () => {
    const parsed = parseBundle(bundle)
    assert.equal(digestAlgorithm(parsed), hashName)
    const { checks, verified } = verifyBundle(parsed, artifactBytes(TEST_ARTIFACT, hashName), trustedRoot)
    assert.deepEqual(verifyBundle(parsed, artifactDigest(sha(hashName)), trustedRoot).checks, checks)
    assert.deepEqual(
      checks.filter(({ result }) => result !== 'passed'),
      [],
    )
    assert.deepEqual(verified?.identity, {
      issuer: 'https://sign.example.com/oidc',
      subject: 'dev@example.com',
      subjectType: 'email',
    })
    assert.deepEqual(verified.signedAt, TEST_TIME)
    assert.deepEqual([verified.entry.origin, verified.entry.index, verified.entry.size], ['sign.example.com', 5n, 11n])
  })
  test(`@sigstore/verify ${foreignRefuses === undefined ? 'accepts' : 'refuses'}: ${what}`, () => {
    const ask = () => askForeignVerifier(bundle, trustedRoot, TEST_ARTIFACT)
    if (foreignRefuses === undefined) ask()
    else assert.throws(ask)
  })
}

for (const mutation of mutations) {
  const { artifact = TEST_ARTIFACT, root = trustedRoot } = mutation
  test(`refused: ${mutation.what}`, () => {
    const parsed = parseBundle(mutation.bundle())
    const { checks, verified } = verifyBundle(parsed, artifactDigest(mutation.digest ?? sha('sha256', artifact)), root)
    if (mutation.digest === undefined) {
      assert.deepEqual(verifyBundle(parsed, artifactBytes(artifact), root).checks, checks)
    }
    const failed = checks.flatMap(({ name, code }) => (code === undefined ? [] : [[name, code]]))
    assert.deepEqual(Object.fromEntries(failed), mutation.failed)
    const notChecked = checks.filter(({ result }) => result === 'not checked').map(({ name }) => name)
    assert.deepEqual(notChecked, mutation.notChecked ?? [])
    assert.equal(verified, undefined)
  })
  test(`@sigstore/verify ${mutation.foreignAccepts === undefined ? 'refuses' : 'accepts'}: ${mutation.what}`, () => {
    const ask = () => askForeignVerifier(mutation.bundle(), root, artifact)
    if (mutation.foreignAccepts === undefined) assert.throws(ask)
    else ask()
  })
}

test('every step is reported once and in the same order, whatever fails', () => {
  const names = (bundle: string) =>
    verifyBundle(parseBundle(bundle), artifact, trustedRoot).checks.map(({ name }) => name)
  const expected = names(signTestArtifact(instance))
  assert.equal(new Set(expected).size, 9)
  for (const { bundle } of mutations) assert.deepEqual(names(bundle()), expected)
})

test('the second bundle of one trusted root names the chains that were not computed again', () => {
  const root = { ...trustedRoot }
  const parsed = parseBundle(signTestArtifact(instance))
  assert.deepEqual(verifyBundle(parsed, artifact, root).cachedChains, [])
  assert.equal(verifyBundle(parsed, artifact, root).cachedChains?.length, 2)
})

test('an error that is not about the bundle comes through', () => {
  const broken = { ...trustedRoot, tlogs: undefined } as unknown as TrustedRoot
  assert.throws(() => verifyBundle(parseBundle(signTestArtifact(instance)), artifact, broken), TypeError)
})

test('no change of one character proves anything else', () => {
  const bundle = signTestArtifact(instance)
  const prove = (text: string) => {
    const { verified } = verifyBundle(parseBundle(text), artifact, trustedRoot)
    // Not compared: the timestamp's own bytes, whose envelope has parts that nobody signs and that say nothing.
    return (
      verified && [verified.identity, verified.signedAt, verified.signature, verified.certificate.raw, verified.entry]
    )
  }
  const expected = prove(bundle)
  assert.ok(expected)
  fc.assert(
    fc.property(fc.nat(bundle.length - 1), fc.integer({ min: 32, max: 126 }), (at, character) => {
      let proved: typeof expected | undefined
      try {
        proved = prove(bundle.slice(0, at) + String.fromCharCode(character) + bundle.slice(at + 1))
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error))
      }
      if (proved !== undefined) assert.deepEqual(proved, expected)
    }),
    { numRuns: 300 },
  )
})
