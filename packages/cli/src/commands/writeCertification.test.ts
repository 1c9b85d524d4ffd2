import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { saveAnchor } from '@countersign/local/anchors/anchorStore.ts'
import { openAnchors } from '@countersign/local/anchors/openAnchors.ts'
import { fixtureRepository, fixtureSpec, TufServer } from '@countersign/local/anchors/repositoryFixture.ts'
import { sha256Hex } from '@countersign/local/anchors/tufMetadata.ts'
import { configFolder } from '@countersign/local/files/appDirs.ts'
import type { CertificationRecord, Submission } from '@countersign/protocol/api/artifacts.ts'
import { writeTrustedRoot } from '@countersign/protocol/bundle/trustedRoot.ts'
import { testPolicy } from '@countersign/protocol/policy/policyFixture.ts'
import {
  makeTestIssuer,
  makeTestKey,
  makeTestRoot,
  signTestCertificate,
  testDay,
} from '@countersign/protocol/x509/authorityFixture.ts'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { extendedKeyUsage, keyUsage, subjectAltName } from '@countersign/protocol/x509/extensions.ts'
import { certifyTestArtifact } from '../../../../tests/vectors/bundle/certification.ts'
import { createTestInstance, TEST_ARTIFACT } from '../../../../tests/vectors/bundle/fixture.ts'
import { writeCertification } from './writeCertification.ts'

const instance = createTestInstance()
const notAfter = testDay(36_500)
const certified = certifyTestArtifact(instance, { notAfter })
const sha256 = hash('sha256', TEST_ARTIFACT, 'hex')
const submission = { sha256, validator: 'embedded', certificationNumber: '7' } as Submission
const sound: CertificationRecord = {
  ...{ validator: 'embedded', authority: 'ab'.repeat(32), number: '7', sha256, product: 'files', version: '1.1.0' },
  ...{ notAfter: notAfter.toISOString(), state: 'active' },
  ...{ certification: certified.certification, sbom: certified.sbom, findings: certified.findings },
}

let folder: string
let anchorsServer: TufServer
let server: Server
let handedOut: readonly CertificationRecord[]

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-certification-'))
  process.env.XDG_CONFIG_HOME = folder
  anchorsServer = await TufServer.start()
  const { root, tls } = deviceRoot()
  server = createServer(tls, (_request, reply) => {
    reply.writeHead(200, { 'content-type': 'application/json' })
    reply.end(JSON.stringify({ certifications: handedOut, signatures: [] }))
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const environment = 'development'
  const files = {
    'device_root.pem': Buffer.from(root),
    'trusted_root.json': Buffer.from(JSON.stringify(writeTrustedRoot(instance.trustedRoot))),
    'verification_policy.json': Buffer.from(JSON.stringify(testPolicy({ environment, anchors: [] }))),
  }
  const repository = fixtureRepository(fixtureSpec(new Date(), { files }))
  anchorsServer.serve(repository)
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  const rootSha256 = sha256Hex(repository.roots[0] as Uint8Array)
  const facts = { url, httpUrl: anchorsServer.url, environment, rootSha256, addedAt: new Date().toISOString() } as const
  await saveAnchor({ v: 1, ...facts, repository }, configFolder())
})
after(() => {
  server.closeAllConnections()
  server.close()
  anchorsServer.stop()
  rmSync(folder, { recursive: true })
})
beforeEach(() => {
  handedOut = [sound]
})

/** A device root (PEM), and what a server under it listens with. */
function deviceRoot() {
  const root = makeTestRoot('device root')
  const issuer = makeTestIssuer(root, 'serverAuth')
  const key = makeTestKey()
  const extensions = [
    ...[keyUsage(['digitalSignature']), extendedKeyUsage(['serverAuth'])],
    subjectAltName([{ type: 'dns', value: 'localhost' }], true),
  ]
  const hourMs = 3_600_000
  const times = { notBefore: new Date(Date.now() - hourMs), notAfter: new Date(Date.now() + hourMs) }
  const leaf = signTestCertificate({ spki: key.spki, ...times, extensions }, issuer)
  const privateKey = key.privateKey.export({ type: 'pkcs8', format: 'pem' })
  const tls = { key: privateKey, cert: toPem(leaf.raw) + toPem(issuer.certificate.raw) }
  return { root: toPem(root.certificate.raw), tls }
}

const prefix = () => join(folder, 'files.tar.gz')
const write = async () => writeCertification(await openAnchors(), submission, prefix(), AbortSignal.timeout(60_000))

test('the three bundles of the certification are verified and written beside the artifact', async () => {
  const { number, files } = await write()
  assert.equal(number, '7')
  assert.deepEqual(
    files.map((file) => readFileSync(file, 'utf8')),
    [certified.certification, certified.sbom, certified.findings],
  )
  for (const file of files) rmSync(file)
})

const refused: readonly (readonly [string, string, readonly CertificationRecord[]])[] = [
  ['cli.certification-missing', 'nothing is handed out', []],
  ['cli.certification-missing', 'only that of another number', [{ ...sound, number: '8' }]],
  ['cli.certification-missing', 'only that of another validator', [{ ...sound, validator: 'lab' }]],
  ['cli.certification-wrong', 'a developer’s signature', [{ ...sound, certification: certified.signature }]],
  ['cli.certification-wrong', 'findings that are no statement', [{ ...sound, findings: certified.signature }]],
  ['cli.certification-wrong', 'the SBOM in place of the findings', [{ ...sound, findings: certified.sbom }]],
  ['cli.certification-wrong', 'what another instance certified', [foreign()]],
]
for (const [code, what, answer] of refused) {
  test(`${code}: ${what}; nothing is written`, async () => {
    handedOut = answer
    await assert.rejects(write(), { code })
    assert.throws(() => readFileSync(`${prefix()}.certification.sigstore.json`), { code: 'ENOENT' })
  })
}

/** The same claims by the authority of somebody else. */
function foreign(): CertificationRecord {
  const { certification, sbom, findings } = certifyTestArtifact(createTestInstance(), { notAfter })
  return { ...sound, certification, sbom, findings }
}
