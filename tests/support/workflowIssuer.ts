import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { toPem } from '@countersign/protocol/x509/certificate.ts'
import { subjectAltName, subjectKeyIdentifier } from '@countersign/protocol/x509/extensions.ts'
import { writeName } from '@countersign/protocol/x509/name.ts'
import { assembleCertificate, writeTbsCertificate } from '@countersign/protocol/x509/writeCertificate.ts'

/** An OpenID Connect issuer of build jobs outside of any instance, at a free port of localhost. */
export interface WorkflowIssuer {
  readonly url: string
  /** PEM of its TLS certificate, which signs itself. */
  readonly ca: string
  /** A token of a workflow run as GitHub Actions mints them, good for five minutes; some of its claims replaced. */
  token(claims?: Readonly<Record<string, unknown>>): string
  close(): Promise<void>
}

const ES256 = { namedCurve: 'P-256' } as const
const DAY_MS = 86_400_000

/**
 * What a run of `acme/pump` claims, beside issuer and times. Its job is a shared workflow of `acme/builders`, so that the
 * builder and what is built have different addresses and commits.
 */
export const workflowClaims = {
  sub: 'repo:acme/pump:ref:refs/heads/main',
  aud: 'sigstore',
  event_name: 'push',
  job_workflow_ref: 'acme/builders/.github/workflows/build.yml@refs/tags/v2',
  job_workflow_sha: '2b'.repeat(20),
  ref: 'refs/heads/main',
  repository: 'acme/pump',
  repository_id: '1234',
  repository_owner: 'acme',
  repository_owner_id: '77',
  repository_visibility: 'public',
  run_attempt: '2',
  run_id: '4711',
  runner_environment: 'github-hosted',
  sha: '1a'.repeat(20),
  workflow: 'release',
  workflow_ref: 'acme/pump/.github/workflows/release.yml@refs/heads/main',
  workflow_sha: '3c'.repeat(20),
} as const

/** Starts an issuer that publishes its metadata and one ES256 key. */
export async function startWorkflowIssuer(): Promise<WorkflowIssuer> {
  const tls = selfSigned('localhost')
  const keys = generateKeyPairSync('ec', ES256)
  let url = ''
  const server = createServer({ cert: tls.certificate, key: tls.key }, (request, response) => {
    const documents: Record<string, object> = {
      '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/keys` },
      '/keys': { keys: [{ ...keys.publicKey.export({ format: 'jwk' }), kid: 'build-1', alg: 'ES256', use: 'sig' }] },
    }
    const found = documents[request.url ?? '']
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(found ?? {}))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  url = `https://localhost:${(server.address() as AddressInfo).port}`
  return {
    url,
    ca: tls.certificate,
    token(claims = {}) {
      const now = Math.floor(Date.now() / 1000)
      const times = { iat: now, nbf: now, exp: now + 300, jti: randomBytes(8).toString('hex') }
      return signToken(keys.privateKey, { ...workflowClaims, iss: url, ...times, ...claims })
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function signToken(key: KeyObject, claims: object): string {
  const parts = [{ alg: 'ES256', kid: 'build-1', typ: 'JWT' }, claims]
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}

/** A TLS certificate for `host` that signs itself, valid for a day, in PEM with its key. */
function selfSigned(host: string): { certificate: string; key: string } {
  const pair = generateKeyPairSync('ec', {
    ...ES256,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const [name, spki] = [writeName({ commonName: host }), new Uint8Array(pair.publicKey)]
  const tbs = writeTbsCertificate({
    serial: new Uint8Array([1, ...randomBytes(15)]),
    issuer: name,
    subject: name,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    spki,
    extensions: [subjectAltName([{ type: 'dns', value: host }], false), subjectKeyIdentifier(spki)],
    signatureAlgorithm: 'ecdsa-sha256',
  })
  const signature = sign('sha256', tbs, createPrivateKey(pair.privateKey))
  return {
    certificate: toPem(assembleCertificate(tbs, 'ecdsa-sha256', new Uint8Array(signature))),
    key: pair.privateKey,
  }
}
