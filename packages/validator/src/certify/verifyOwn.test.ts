import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { parseBundle } from '@countersign/protocol/bundle/parseBundle.ts'
import { toHex } from '@countersign/protocol/json/base64.ts'
import { certifyTestArtifact, makeTestCertificationSigner } from '../../../../tests/vectors/bundle/certification.ts'
import {
  createTestInstance,
  type SigningChanges,
  signTestArtifact,
  signTestStatement,
  TEST_ARTIFACT,
} from '../../../../tests/vectors/bundle/fixture.ts'
import type { InstanceTrust, TrustNow } from './instanceTrust.ts'
import { type Expected, type FinishedBundles, verifyOwn } from './verifyOwn.ts'

const instance = createTestInstance()
const trust: InstanceTrust = {
  anchors: () => assert.fail('asked for the anchors as they are stored'),
  renew: async () => ({ root: instance.trustedRoot }) as TrustNow,
}
const { spki } = instance.certifications.certificate
const expected: Expected = {
  sha256: hash('sha256', TEST_ARTIFACT, 'hex'),
  authority: toHex(hash('sha256', spki, 'buffer')),
  number: '7',
  nonces: [1n, 2n, 3n],
}

/** What the validator is about to hand out: three statements of one key, each with the nonce of the intent. */
function finished(signing: SigningChanges = {}): FinishedBundles {
  const signer = makeTestCertificationSigner(instance, {})
  const made = certifyTestArtifact(instance, { signing: { signer, nonce: 1n, ...signing } })
  const again = (text: string, nonce: bigint) => {
    const { content } = parseBundle(text)
    assert.ok(content.kind === 'statement')
    return signTestStatement(instance, { payload: content.payload, signer, nonce, ...signing })
  }
  return { certification: made.certification, sbom: again(made.sbom, 2n), findings: again(made.findings, 3n) }
}

const sound = finished()

test('a sound certification passes', async () => {
  await verifyOwn(trust, sound, expected)
})

const other = new TextEncoder().encode('another artifact\n')
const own = makeTestCertificationSigner(instance)
const signer = makeTestCertificationSigner(instance)
const { certification } = certifyTestArtifact(instance, { signing: { signer, nonce: 1n } })
const unnamed = {
  certification,
  sbom: signTestStatement(instance, { signer, nonce: 2n }),
  findings: signTestStatement(instance, { signer, nonce: 3n }),
}
const wrongs: readonly (readonly [string, FinishedBundles, Partial<Expected>, RegExp])[] = [
  ['another number', sound, { number: '8' }, /has number 7/],
  ['another authority', sound, { authority: 'a'.repeat(64) }, /has number 7 of/],
  ['another digest', sound, { sha256: hash('sha256', other, 'hex') }, /subject|digest|artifact/],
  ['an old timestamp of the certification', sound, { nonces: [9n, 2n, 3n] }, /an old one/],
  ['an old timestamp of another statement', sound, { nonces: [1n, 2n, 9n] }, /an old one/],
  ['statements in another order', { ...sound, sbom: sound.findings, findings: sound.sbom }, {}, /an old one/],
  ['a timestamp of something else', finished({ stamped: other }), {}, /timestamp/],
  ['an SBOM that the certification does not name', unnamed, {}, /names another statement/],
  ['a bundle that is no bundle', { ...sound, findings: '{}' }, {}, /cannot be read/],
  ['a bundle that is cut off', { ...sound, certification: sound.certification.slice(0, -9) }, {}, /cannot be read/],
  ['a broken signature', finished({ signature: (bytes) => bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1) }), {}, /signature/],
  [
    'a log entry of something else',
    finished({ logged: (one) => ({ ...one, digest: new Uint8Array(32) }) }),
    {},
    /entry/,
  ],
  ['a signature in place of a certification', { ...sound, certification: signTestArtifact(instance) }, {}, /authority/],
  [
    'the certification by another key',
    { ...sound, certification: certifyTestArtifact(instance, { signing: { signer: own, nonce: 1n } }).certification },
    {},
    /another key/,
  ],
  [
    'another statement by another key',
    { ...sound, sbom: signTestStatement(instance, { nonce: 2n }) },
    {},
    /another key/,
  ],
]

for (const [what, bundles, changes, message] of wrongs) {
  test(`certify.own-result-wrong: ${what}`, async () => {
    const refused = { code: 'certify.own-result-wrong', message }
    await assert.rejects(verifyOwn(trust, bundles, { ...expected, ...changes }), refused)
  })
}
