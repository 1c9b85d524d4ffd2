import { createHash, generateKeyPairSync, hash, sign } from 'node:crypto'
import { call } from '@countersign/local/calls/call.ts'
import { signingCertificateRoute } from '@countersign/protocol/api/authority.ts'
import { addLogEntryRoute } from '@countersign/protocol/api/logs.ts'
import { timestampRoute } from '@countersign/protocol/api/timestamps.ts'
import { writeBundle } from '@countersign/protocol/bundle/writeBundle.ts'
import { encodeBase64 } from '@countersign/protocol/json/base64.ts'
import { writeTimestampRequest } from '@countersign/protocol/timestamp/request.ts'
import { parsePemCertificates } from '@countersign/protocol/x509/certificate.ts'
import { programEntries, testArchive } from 'countersign-agent/releases/tarFixture.ts'
import { putArtifact } from 'countersign-server/artifacts/putArtifact.ts'
import { submit } from 'countersign-server/artifacts/submit.ts'
import type { Instance } from 'countersign-server/compose/openInstance.ts'
import { DEVELOPER, PUBLIC_URL } from './simulatedInstance.ts'

/** One version of the product, as its developer made it. */
export interface Version {
  readonly version: string
  readonly sha256: string
  /** Name and version of the packages that it holds. */
  readonly packages: Readonly<Record<string, string>>
}

/** Makes a version, signs it by the public services and submits it for certification. Over the network of the caller. */
export async function submitVersion(
  instance: Instance,
  version: string,
  packages: Readonly<Record<string, string>>,
): Promise<Version> {
  const artifact = testArchive(programEntries(version))
  const sha256 = hash('sha256', artifact, 'hex')
  const signature = await signArtifact(artifact)
  const pieces = (async function* () {
    yield artifact
  })()
  await putArtifact(instance.artifacts, DEVELOPER, { sha256, sizeBytes: artifact.length, pieces })
  await submit(instance.artifacts, DEVELOPER, { sha256, name: `files-${version}.tar.gz`, signature })
  return { version, sha256, packages }
}

async function signArtifact(artifact: Uint8Array): Promise<string> {
  const target = { url: PUBLIC_URL, trust: { deviceRoot: '' } }
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signature = new Uint8Array(sign('sha256', artifact, privateKey))
  const proof = sign('sha256', Buffer.from(DEVELOPER.challenges[0] ?? ''), privateKey)
  const content = String(publicKey.export({ type: 'spki', format: 'pem' }))
  const { signedCertificateEmbeddedSct } = await call(target, signingCertificateRoute, {
    body: {
      credentials: { oidcIdentityToken: 'the simulation vouches for her' },
      publicKeyRequest: { publicKey: { algorithm: 'ECDSA', content }, proofOfPossession: encodeBase64(proof) },
    },
  })
  const [leaf] = parsePemCertificates(signedCertificateEmbeddedSct.chain.certificates[0] ?? '')
  if (leaf === undefined) throw new TypeError('the authority answered no certificate')
  const stamped = new Uint8Array(hash('sha256', signature, 'buffer'))
  const timestamp = await call(target, timestampRoute, {
    body: writeTimestampRequest({ hash: 'sha256', digest: stamped, nonce: 7n, certReq: false }),
    mediaType: 'application/timestamp-query',
  })
  const messageDigest = new Uint8Array(createHash('sha256').update(artifact).digest())
  const verifier = { x509Certificate: { rawBytes: encodeBase64(leaf.raw) }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' }
  const hashedRekordRequestV002 = {
    digest: encodeBase64(messageDigest),
    signature: { content: encodeBase64(signature), verifier },
  }
  const entry = await call(target, addLogEntryRoute, { body: { hashedRekordRequestV002 } })
  return writeBundle({ certificate: leaf.raw, messageDigest, signature, entry, timestamps: [timestamp] })
}
