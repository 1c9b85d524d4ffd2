import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { certifyTestArtifact, malleate, validatorsOf } from './certification.ts'
import { createTestInstance } from './fixture.ts'

const instance = createTestInstance()
const sound = certifyTestArtifact(instance)
const validator = `${validatorsOf(instance)}/embedded`

/** Asks @sigstore/verify, which shares no code with ours, and knows nothing of certifications. Throws if it refuses. */
function askForeignVerifier(bundle: string, subject = validator): void {
  const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(writeTrustedRoot(instance.trustedRoot))))
  const policy = { subjectAlternativeName: subject, extensions: { issuer: validatorsOf(instance) } }
  verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle))), policy)
}

for (const name of ['certification', 'sbom', 'findings'] as const) {
  test(`@sigstore/verify accepts the ${name} by the validator, and by no other`, () => {
    askForeignVerifier(sound[name])
    assert.throws(() => askForeignVerifier(sound[name], `${validatorsOf(instance)}/other`))
  })
}

test('@sigstore/verify refuses a certification with one character of its statement changed', () => {
  const bundle = JSON.parse(sound.certification)
  const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString().replace('files@1.1.0', 'files@1.2.0')
  bundle.dsseEnvelope.payload = Buffer.from(payload).toString('base64')
  assert.throws(() => askForeignVerifier(JSON.stringify(bundle)))
})

test('@sigstore/verify accepts (r, n - s) too: why endings go by number and not by entry or signature', () => {
  const again = certifyTestArtifact(instance, { signing: { signature: malleate } }).certification
  askForeignVerifier(again)
})
