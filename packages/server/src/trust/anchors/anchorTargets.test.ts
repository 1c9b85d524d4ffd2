import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseSigningConfig } from '@countersign/protocol/bundle/signingConfig.ts'
import { parseTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toTrustMaterial } from '@sigstore/verify'
import { createRoots } from '../authority/createRoots.ts'
import { renewIssuing } from '../authority/renewIssuing.ts'
import { openTrustFixture, type TrustFixture } from '../trustFixture.ts'
import { anchorTargets } from './anchorTargets.ts'

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'countersign-trust-'))
}

async function remove(fixture: TrustFixture): Promise<void> {
  await fixture.close()
  rmSync(fixture.folder, { recursive: true })
}

let trust: TrustFixture
const spkiOf = (pair: { publicKey: { export(options: { type: 'spki'; format: 'der' }): Uint8Array } }) =>
  new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' }))
const logKeys = {
  artifacts: spkiOf(generateKeyPairSync('ed25519')),
  certificates: spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
}
const verificationPolicy = new TextEncoder().encode('{"v":1}')

before(async () => {
  trust = await openTrustFixture(newFolder())
  await createRoots(trust, trust.facts)
})

after(() => remove(trust))

async function targets() {
  const files = anchorTargets({ facts: trust.facts, issuers: await trust.certificates(), logKeys, verificationPolicy })
  const text = (name: keyof typeof files) => new TextDecoder().decode(files[name])
  return { files, text }
}

test('the trusted root has what sigstore clients insist on', async () => {
  const { text } = await targets()
  const json = JSON.parse(text('trusted_root.json'))
  assert.equal(json.mediaType, 'application/vnd.dev.sigstore.trustedroot+json;version=0.1')
  assert.equal(new URL(json.tlogs[0].baseUrl).hostname, 'sign.example.test')
  assert.equal(json.ctlogs[0].baseUrl, 'https://sign.example.test:8443/ct')
  const raw = logKeys.artifacts.subarray(-32)
  const id = createHash('sha256').update('sign.example.test\n\x01').update(raw).digest('base64')
  assert.equal(json.tlogs[0].logId.keyId, id)
  assert.equal(json.tlogs[0].publicKey.keyDetails, 'PKIX_ED25519')
  assert.equal(json.ctlogs[0].logId.keyId, createHash('sha256').update(logKeys.certificates).digest('base64'))
  assert.equal(json.ctlogs[0].publicKey.keyDetails, 'PKIX_ECDSA_P256_SHA_256')
  for (const log of [...json.tlogs, ...json.ctlogs]) assert.equal(log.publicKey.validFor.start, '2026-02-28T12:00:00Z')
})

test('chains run from the issuing certificate to the root, and from the timestamp signer to the root', async () => {
  const { text } = await targets()
  const root = parseTrustedRoot(text('trusted_root.json'))
  assert.deepEqual(
    root.certificateAuthorities.map(({ chain }) => chain.length),
    [2, 2],
  )
  for (const { chain } of root.certificateAuthorities) assert.equal(chain[0]?.basicConstraints?.pathLength, 0)
  const [signer, intermediate, top] = root.timestampAuthorities[0]?.chain ?? []
  assert.equal(signer?.basicConstraints, undefined)
  assert.equal(intermediate?.issuerText, top?.subjectText)
  assert.equal(root.timestampAuthorities[0]?.uri, 'https://sign.example.test:8443/api/v1/timestamp')
})

test('@sigstore/verify reads the trusted root and knows all its keys and authorities', async () => {
  const { text } = await targets()
  const material = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(text('trusted_root.json'))))
  assert.equal(material.certificateAuthorities.length, 2)
  assert.equal(material.timestampAuthorities.length, 1)
  assert.equal(material.tlogs.length, 1)
  assert.equal(material.ctlogs.length, 1)
})

test('the signing config names version 2 for the log, 1 for the rest, and the whole timestamp address', async () => {
  const { text } = await targets()
  const config = parseSigningConfig(text('signing_config.v0.2.json'))
  const found = [
    config.certificateAuthorities,
    config.identityIssuers,
    config.artifactLogs,
    config.timestampAuthorities,
  ]
  assert.deepEqual(
    found.flat().map(({ url, majorApiVersion }) => [url, majorApiVersion]),
    [
      ['https://sign.example.test:8443', 1],
      ['https://sign.example.test:8443/oidc', 1],
      ['https://sign.example.test:8443', 2],
      ['https://sign.example.test:8443/api/v1/timestamp', 1],
    ],
  )
})

test('the device root and the policy are published as they are', async () => {
  const { files, text } = await targets()
  assert.match(parsePemCertificates(text('device_root.pem'))[0]?.subjectText ?? '', /device root/)
  assert.deepEqual(files['verification_policy.json'], verificationPolicy)
})

test('the same sources give the same bytes; a renewed authority is added and the earlier one kept', async () => {
  const first = await targets()
  assert.deepEqual((await targets()).files, first.files)
  await renewIssuing(trust, trust.facts, 'identities')
  const { text } = await targets()
  assert.equal(parseTrustedRoot(text('trusted_root.json')).certificateAuthorities.length, 3)
})
