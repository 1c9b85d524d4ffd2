import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { parseTrustedRoot, type TrustedRoot, writeTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { verifyBundle } from '@countersign/protocol/bundle/verifyBundle.ts'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot as ForeignTrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { createTestInstance, signTestArtifact, signTestStatement, TEST_ARTIFACT } from './fixture.ts'

const instance = createTestInstance()
const digest = new Uint8Array(hash('sha256', TEST_ARTIFACT, 'buffer'))

test('a', () => {
  const b = signTestArtifact(instance)
  console.log(verifyBundle(parseBundle(b), digest, instance.trustedRoot).checks)
  const r = verifyBundle(parseBundle(signTestStatement(instance)), digest, instance.trustedRoot)
  console.log(r.checks, r.cachedChains)
  const v = new Verifier(toTrustMaterial(ForeignTrustedRoot.fromJSON(writeTrustedRoot(instance.trustedRoot))))
  for (const x of [b, signTestStatement(instance)])
    console.log(v.verify(toSignedEntity(bundleFromJSON(JSON.parse(x)), Buffer.from(TEST_ARTIFACT))).identity)
})
